//! What of a message no output may show: by pointer, with all that is within it.

use crate::Message;
use crate::expression::{Expression, Part};

impl Message {
    /// Whether what stands there in a payload is sensitive, or within what is.
    pub fn hides(&self, pointer: &str) -> bool {
        self.sensitive.iter().any(|hidden| follow(hidden, pointer) == Meeting::Within)
    }

    /// Whether what an expression reads is sensitive.
    pub fn hides_what(&self, expression: &Expression) -> bool {
        expression.part == Part::Payload && self.hides(&expression.pointer)
    }
}

/// Whether one of the two stands within the other, or both are the same place.
pub(crate) fn touches(hidden: &str, pointer: &str) -> bool {
    follow(hidden, pointer) != Meeting::Apart
}

/// How a pointer stands to a sensitive one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meeting {
    Within,
    Around,
    Apart,
}

/// Goes both ways at once. In a list, the number of an item may be `*` in the contract, or be left out.
fn follow(hidden: &str, pointer: &str) -> Meeting {
    let mut hidden = hidden.split('/').skip(1).peekable();
    for name in pointer.split('/').skip(1) {
        let Some(wanted) = hidden.peek() else { return Meeting::Within };
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        if *wanted == name || (is_number && *wanted == "*") {
            hidden.next();
        } else if !is_number {
            return Meeting::Apart;
        }
    }
    if hidden.peek().is_none() { Meeting::Within } else { Meeting::Around }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_hides_itself_and_what_is_within_and_no_neighbour() {
        for within in ["/data", "/data/email", "/data/0/email"] {
            assert_eq!(follow("/data", within), Meeting::Within, "{within}");
        }
        assert_eq!(follow("/data/email", "/data"), Meeting::Around);
        assert_eq!(follow("/data/email", ""), Meeting::Around);
        assert_eq!(follow("", "/anything"), Meeting::Within);
        for apart in ["/database", "/other/data", "/data2/email"] {
            assert_eq!(follow("/data", apart), Meeting::Apart, "{apart}");
        }
    }

    #[test]
    fn items_of_lists_are_met_whether_their_number_is_said_or_not() {
        for hidden in ["/users/*/email", "/users/email"] {
            assert_eq!(follow(hidden, "/users/3/email"), Meeting::Within, "{hidden}");
            assert_eq!(follow(hidden, "/users/3/name"), Meeting::Apart, "{hidden}");
            assert_eq!(follow(hidden, "/users/3"), Meeting::Around, "{hidden}");
        }
        assert_eq!(follow("/users/0/email", "/users/0/email"), Meeting::Within);
    }
}

//! JSON pointers, as people write them.

/// A name as it stands in a pointer: `~` and `/` are escaped.
pub fn escape_name(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A part of a pointer as the name that it stands for.
pub fn unescape_name(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// Takes a JSON pointer as it is; the error says what was probably meant. `$.user.id`, `user/id` and `id` are no pointers, though each
/// of them would be followed somewhere.
pub fn parse_pointer(text: &str) -> Result<String, String> {
    if text.is_empty() || text.starts_with('/') {
        return Ok(text.to_owned());
    }
    let names = text.trim_start_matches(['$', '#', '.', '/']).replace(['.', '['], "/").replace(']', "");
    Err(format!("`{text}` is no JSON pointer, which begins with `/`: did you mean `/{names}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_escaped_comes_back() {
        for (name, part) in [("a/b", "a~1b"), ("~", "~0"), ("~1", "~01"), ("plain", "plain")] {
            assert_eq!((escape_name(name), unescape_name(part)), (part.to_owned(), name.to_owned()));
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused_with_what_was_meant() {
        assert_eq!(parse_pointer("/user/id").as_deref(), Ok("/user/id"));
        assert_eq!(parse_pointer("").as_deref(), Ok(""), "the whole value");
        for (text, meant) in [("id", "/id"), ("$.user.id", "/user/id"), ("items[0].id", "/items/0/id"), ("#/id", "/id")]
        {
            let told = format!("`{text}` is no JSON pointer, which begins with `/`: did you mean `{meant}`?");
            assert_eq!(parse_pointer(text), Err(told));
        }
    }
}

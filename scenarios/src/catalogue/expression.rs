//! Cucumber expressions with named, typed parameters, compiled to one regular expression each.

use std::collections::HashMap;

use cucumber_expressions::Expression;
use regex::Regex;

/// What a parameter may be. Names are checked against the contract and system.yaml before anything starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message of the contract.
    Event,
    /// A consumer group.
    Group,
    Service,
    /// A list view of system.yaml.
    List,
    /// An action of system.yaml.
    Action,
    /// A stub of system.yaml.
    Stub,
    /// A store of system.yaml.
    Store,
    /// An alert of system.yaml.
    Alert,
    /// A name that the step gives to what it did.
    New,
    /// A name that an earlier step gave.
    Ref,
    /// A name that stands for a fresh identity of this scenario.
    Identity,
    /// Any quoted text.
    Text,
    Duration,
    Count,
    Rate,
    Percentage,
}

const QUOTED: &str = r#""[^"]*"|“[^”]*”|「[^」]*」"#;

impl Kind {
    /// The kind of that name, as expressions and phrases.yaml write it.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    const ALL: [Kind; 16] = [
        Kind::Event,
        Kind::Group,
        Kind::Service,
        Kind::List,
        Kind::Action,
        Kind::Stub,
        Kind::Store,
        Kind::Alert,
        Kind::New,
        Kind::Ref,
        Kind::Identity,
        Kind::Text,
        Kind::Duration,
        Kind::Count,
        Kind::Rate,
        Kind::Percentage,
    ];

    /// All names, for messages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Kind::ALL.iter().map(|kind| kind.name())
    }

    /// The name in expressions.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Event => "event",
            Kind::Group => "group",
            Kind::Service => "service",
            Kind::List => "list",
            Kind::Action => "action",
            Kind::Stub => "stub",
            Kind::Store => "store",
            Kind::Alert => "alert",
            Kind::New => "new",
            Kind::Ref => "ref",
            Kind::Identity => "identity",
            Kind::Text => "text",
            Kind::Duration => "duration",
            Kind::Count => "count",
            Kind::Rate => "rate",
            Kind::Percentage => "percentage",
        }
    }

    /// What one may write for it.
    pub fn meaning(self) -> &'static str {
        match self {
            Kind::Event => "a message of asyncapi.yaml, in quotes",
            Kind::Group => "a consumer group of asyncapi.yaml, in quotes",
            Kind::Service => "a service of system.yaml, in quotes",
            Kind::List => "a list view of system.yaml, in quotes",
            Kind::Action => "an action of system.yaml, in quotes",
            Kind::Stub => "a stub of system.yaml, in quotes",
            Kind::Store => "a store of system.yaml, in quotes",
            Kind::Alert => "an alert of system.yaml, in quotes",
            Kind::New => "a name that later steps use for what this one did, in quotes",
            Kind::Ref => "a name that an earlier step gave, in quotes; `{name.field}` is a field of it",
            Kind::Identity => "a name, in quotes, that stands for a fresh identity of this scenario",
            Kind::Text => "any text, in quotes",
            Kind::Duration => "`5s`, `200 ms`, `5min`, `2h`, `7d`; 毫秒, 秒, 分钟, 小时, 天",
            Kind::Count => "a whole number",
            Kind::Rate => "`200/s`, `10/min`",
            Kind::Percentage => "`99 %`, `99.9%`: above 0, at most 100",
        }
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter()
    }

    /// A text that every parameter of this kind would take.
    pub(crate) fn sample(self) -> &'static str {
        match self {
            Kind::Duration => "1s",
            Kind::Count => "1",
            Kind::Rate => "1/s",
            Kind::Percentage => "1 %",
            _ => "x",
        }
    }

    /// What a text begins with that is a time, a rate or a count: its kind, and how long it is.
    pub(crate) fn measured(text: &str) -> (Kind, usize) {
        let kinds = [Kind::Duration, Kind::Rate, Kind::Percentage, Kind::Count];
        let found = kinds.into_iter().filter_map(|kind| {
            let pattern = Regex::new(&format!("^(?:{})", kind.pattern())).ok()?;
            Some((kind, pattern.find(text)?.end()))
        });
        // A number without a sign is no percentage here; where one is asked for, lint tells that the sign is missing.
        let is_meant =
            |(kind, length): &(Kind, usize)| *kind != Kind::Percentage || text[..*length].ends_with(['%', '％']);
        found.filter(is_meant).max_by_key(|(kind, length)| (*length, *kind != Kind::Count)).unwrap_or((Kind::Count, 0))
    }

    /// Whether it is written with digits.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Kind::Duration | Kind::Count | Kind::Rate | Kind::Percentage)
    }

    fn pattern(self) -> &'static str {
        match self {
            Kind::Duration => r"[0-9０-９]+(?:[.．][0-9０-９]+)?\s?(?:ms|s|min|m|h|d|毫秒|秒|分钟|小时|天)",
            Kind::Count => "[0-9０-９]+",
            Kind::Rate => "[0-9０-９]+(?:[.．][0-9０-９]+)?/(?:s|min|h)",
            Kind::Percentage => r"[0-9０-９]+(?:[.．][0-9０-９]+)?(?:\s?[%％])?",
            _ => QUOTED,
        }
    }
}

/// Whether a number may begin with this letter: Chinese is often typed with wide digits.
pub(crate) fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit() || ('０'..='９').contains(&letter)
}

/// A number with narrow digits and a narrow point in place of wide ones. What the patterns take must be read: nothing else is a digit.
pub(crate) fn narrow(text: &str) -> String {
    let one = |letter: char| match letter {
        '．' => '.',
        '０'..='９' => char::from_digit(letter as u32 - '０' as u32, 10).unwrap_or(letter),
        other => other,
    };
    text.chars().map(one).collect()
}

/// A parameter of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub kind: Kind,
}

/// An expression that is ready to match.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    regex: Regex,
    parameters: Vec<Parameter>,
}

impl Compiled {
    /// The names of its parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|parameter| parameter.name.as_str())
    }

    /// Compiles an expression with parameters `{kind}` or `{name:kind}`; `kinds` gives the kind of a bare `{name}`.
    pub fn new(expression: &str, kinds: &HashMap<String, Kind>) -> Result<Compiled, String> {
        let (bare, parameters) = separate(expression, kinds)?;
        let patterns: HashMap<String, &str> =
            Kind::ALL.iter().map(|kind| (kind.name().to_owned(), kind.pattern())).collect();
        let regex = Expression::regex_with_parameters(bare.as_str(), &patterns).map_err(|error| error.to_string())?;
        Ok(Compiled { regex, parameters })
    }

    /// The parameters' texts, without quotes, if the whole text matches.
    pub fn matches(&self, text: &str) -> Option<Vec<(Parameter, String)>> {
        let captures = self.regex.captures(text)?;
        let values = captures.iter().skip(1).flatten().map(|value| unquote(value.as_str()).to_owned());
        Some(self.parameters.iter().cloned().zip(values).collect())
    }
}

/// Takes the names out of `{name:kind}`, so that cucumber's own grammar can read the rest.
fn separate(expression: &str, kinds: &HashMap<String, Kind>) -> Result<(String, Vec<Parameter>), String> {
    let mut bare = String::new();
    let mut parameters = Vec::new();
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, tail) = after.split_once('}').ok_or_else(|| format!("`{{` without `}}` in `{expression}`"))?;
        let parameter = parameter(inside, kinds)?;
        bare.push_str(before);
        bare.push_str(&format!("{{{}}}", parameter.kind.name()));
        parameters.push(parameter);
        rest = tail;
    }
    bare.push_str(rest);
    Ok((bare, parameters))
}

fn parameter(inside: &str, kinds: &HashMap<String, Kind>) -> Result<Parameter, String> {
    let (name, kind) = inside.split_once(':').unwrap_or((inside, inside));
    let kind = kinds.get(name).copied().or_else(|| Kind::named(kind)).or_else(|| {
        // A bare {name} of a phrase is a quoted text unless the phrase says more.
        (!inside.contains(':')).then_some(Kind::Text)
    });
    let kind = kind.ok_or_else(|| {
        format!("{{{inside}}}: no such kind; there are {}", Kind::names().collect::<Vec<_>>().join(", "))
    })?;
    Ok(Parameter { name: name.to_owned(), kind })
}

fn unquote(text: &str) -> &str {
    let quotes = [('"', '"'), ('“', '”'), ('「', '」')];
    let stripped = quotes.iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
    stripped.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(expression: &str, text: &str) -> Option<Vec<(String, String)>> {
        let found = Compiled::new(expression, &HashMap::new()).unwrap().matches(text)?;
        Some(found.into_iter().map(|(parameter, value)| (parameter.name, value)).collect())
    }

    fn pairs(of: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn parameters_come_with_their_names_and_without_quotes() {
        let found = matches(
            "view {view:list} shows {item:text} within {limit:duration}",
            "view \"feed\" shows \"p 1\" within 200 ms",
        );
        assert_eq!(found, pairs(&[("view", "feed"), ("item", "p 1"), ("limit", "200 ms")]));
    }

    #[test]
    fn a_count_takes_singular_and_plural() {
        let again = "the same event is published again {times:count} time(s)";
        assert_eq!(matches(again, "the same event is published again 1 time"), pairs(&[("times", "1")]));
        assert_eq!(matches(again, "the same event is published again 3 times"), pairs(&[("times", "3")]));
    }

    #[test]
    fn chinese_stands_next_to_its_parameters_with_any_quotes() {
        let expression = "消费组{group:group}在{limit:duration}内已处理该事件";
        assert_eq!(matches(expression, "消费组「g」在5秒内已处理该事件"), pairs(&[("group", "g"), ("limit", "5秒")]));
        assert_eq!(matches(expression, "消费组\"g\"在5s内已处理该事件"), pairs(&[("group", "g"), ("limit", "5s")]));
    }

    #[test]
    fn wide_digits_are_digits_and_those_of_other_scripts_are_none() {
        assert_eq!(matches("经过{time:duration}", "经过１．５秒"), pairs(&[("time", "１．５秒")]));
        assert_eq!(matches("经过{time:duration}", "经过٥秒"), None);
        assert_eq!(narrow("１２．５ 秒０９"), "12.5 秒09");
        assert_eq!(Kind::measured("３００/s"), (Kind::Rate, "３００/s".len()));
    }

    #[test]
    fn a_part_of_a_sentence_is_no_match() {
        assert_eq!(matches("the system is running", "the system is running now"), None);
    }
}

#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Keywords and formats of JSON Schema that are nearly one.

use eventproof_contract::Contract;
use eventproof_source::Source;

/// What is told of a document with this payload.
fn told(payload: &str) -> String {
    let text = format!(
        "asyncapi: 3.0.0\ninfo: {{title: t, version: '1'}}\nchannels:\n  c: {{address: c, messages: {{m: {{$ref: '#/components/messages/m'}}}}}}\n  d: {{address: d, messages: {{n: {{$ref: '#/components/messages/m'}}}}}}\ncomponents:\n  messages:\n    m:\n      payload:\n{payload}"
    );
    match Contract::parse(&Source::inline("asyncapi.yaml", &text)) {
        Ok((_, warnings)) => warnings.render(false),
        Err(faults) => faults.render(false),
    }
}

#[test]
fn a_keyword_or_format_with_a_slip_is_told_at_its_place() {
    let payload = "        type: object
        requird: [id]
        additionalPropertys: false
        properties:
          id: {type: string, fromat: uuid}
          of: {type: string, format: uid, maxLenght: 3, patern: '^a'}
          more:
            allOf:
              - {propertis: {a: {type: string}}}
              - {properties: {b: {minimun: 1, enums: [1]}}}
            items: {ref: '#/x'}
          at: {format: datetime}
";
    insta::assert_snapshot!(told(payload));
}

#[test]
fn names_of_fields_values_and_words_of_ones_own_are_no_keywords() {
    let payload = "        type: object
        x-requird: true
        enumNames: [a]
        unit: ms
        properties:
          propertis: {type: string, format: ulid}
          requird: {type: integer, format: int32, default: {minimun: 1}}
          patern: {enum: [{patern: a}], examples: [{fromat: uuid}]}
        patternProperties: {fromat: {const: {minimun: 2}}}
        definitions: {enums: {type: string}}
";
    assert_eq!(told(payload), "0 errors, 0 warnings\n");
}

//! A record that was seen once, sent again as an event of its own: what makes it this event is made anew, what it says of the
//! business stays.

use std::collections::HashMap;

use bytes::Bytes;
use chrono::SecondsFormat;
use serde_json::Value;

use super::record::{Draft, GenerateError, Generator, Stamp, as_number, header_text, set};
use crate::{Contract, Expression, Message, Part, Record};

/// What ids and correlations of then are now: events that belonged together still do.
#[derive(Clone, Debug, Default)]
pub struct Renamed(HashMap<String, String>);

impl Generator {
    /// A record of `message` like `seen`: with an id and a time of its own; its correlation and causation lead to the events that
    /// were made of those that they led to, and everything else is as it was, the key too.
    ///
    /// # Errors
    /// If it is no valid record of the message, or has no place for an id.
    pub fn again(
        &self,
        contract: &Contract,
        message: &Message,
        seen: &Record,
        renamed: &mut Renamed,
    ) -> Result<Draft, GenerateError> {
        let (id, now) = (self.next_event(), self.now().to_rfc3339_opts(SecondsFormat::Millis, true));
        let mut made = Made::of(message, seen)?;
        let was = |place: &Option<Expression>| place.as_ref().and_then(|place| made.read(place));
        let (old, key, caused) =
            (was(&message.envelope.id), was(&message.envelope.key), was(&message.envelope.causation));
        let correlation = was(&message.envelope.correlation);
        renamed.0.extend(old.map(|old| (old, id.clone())));
        let correlation = correlation.map(|old| renamed.0.entry(old).or_insert_with(|| self.identity()).clone());
        let caused = caused.and_then(|old| renamed.0.get(&old).cloned());
        let stamp = Stamp { id: &id, now: &now };
        let parts = [
            (&message.envelope.id, Some(stamp.id)),
            (&message.envelope.event_type, Some(message.type_name.as_str())),
            (&message.envelope.time, Some(stamp.now)),
            (&message.envelope.correlation, correlation.as_deref()),
            (&message.envelope.causation, caused.as_deref()),
        ];
        for (place, text) in parts.into_iter().filter_map(|(place, text)| Some((place.as_ref()?, text?))) {
            made.write(message, place, text)?;
        }
        message.fresh.iter().for_each(|pointer| made.renew(pointer, self.identity()));
        made.key_again(message, key);
        made.draft(contract, message)
    }
}

/// A record on its way to be another event.
struct Made {
    record: Record,
    /// Null where there is none.
    payload: Value,
}

impl Made {
    fn of(message: &Message, seen: &Record) -> Result<Made, GenerateError> {
        let decoded = seen.payload.as_ref().map(|bytes| message.payload.decode(bytes)).transpose();
        let payload = decoded.map_err(|error| invalid(message, error.to_string()))?.unwrap_or_default();
        Ok(Made { record: Record { topic: message.topic.clone(), ..seen.clone() }, payload })
    }

    fn read(&self, place: &Expression) -> Option<String> {
        place.read(self.record.key.as_deref(), &self.headers(), &self.payload)
    }

    fn headers(&self) -> Vec<(&str, Option<&[u8]>)> {
        self.record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect()
    }

    fn write(&mut self, message: &Message, place: &Expression, text: &str) -> Result<(), GenerateError> {
        match (place.part, place.header()) {
            (Part::Payload, _) if self.record.payload.is_none() => {
                Err(invalid(message, format!("it has no payload, and {place} belongs into it")))
            }
            (Part::Payload, _) => {
                let wants_number = self.payload.pointer(&place.pointer).is_some_and(Value::is_number);
                let number = wants_number.then(|| as_number(text)).flatten();
                set(&mut self.payload, &place.pointer, number.map_or_else(|| Value::from(text), Value::from));
                Ok(())
            }
            (Part::Header, Some(name)) => {
                self.record.headers.retain(|(known, _)| known != name);
                self.record.headers.push((name.to_owned(), Some(Bytes::from(header_text(message, name, text)))));
                Ok(())
            }
            // The key is what orders it: that stays.
            (Part::Header | Part::Key, _) => Ok(()),
        }
    }

    fn renew(&mut self, pointer: &str, identity: String) {
        if self.payload.pointer(pointer).is_some() {
            set(&mut self.payload, pointer, Value::from(identity));
        }
    }

    /// A key that was what the contract says it must be is that again, also where it is the event's own id.
    fn key_again(&mut self, message: &Message, expected: Option<String>) {
        let was = self.record.key.as_deref().map(|key| String::from_utf8_lossy(key).into_owned());
        if was.is_some() && was == expected {
            let now = message.envelope.key.as_ref().and_then(|place| self.read(place));
            self.record.key = now.map(Bytes::from);
        }
    }

    fn draft(mut self, contract: &Contract, message: &Message) -> Result<Draft, GenerateError> {
        if self.record.payload.is_some() {
            let faults = message.payload.errors(&self.payload, &message.sensitive);
            if !faults.is_empty() {
                let faults: Vec<_> = faults.into_iter().map(|(place, text)| format!("{place}: {text}")).collect();
                return Err(invalid(message, faults.join("; ")));
            }
            let bytes = message.payload.encode(&self.payload).map_err(|faults| invalid(message, faults))?;
            self.record.payload = Some(Bytes::from(bytes));
        }
        let of = &self.record;
        let event = contract.read_facts(&of.topic, of.key.as_deref(), &self.headers(), of.payload.as_deref());
        Ok(Draft { record: self.record, event })
    }
}

fn invalid(message: &Message, faults: String) -> GenerateError {
    GenerateError::Invalid { message: message.name.clone(), faults }
}

#[cfg(test)]
mod tests {
    use eventproof_source::Source;
    use serde_json::json;

    use super::*;
    use crate::event_number;

    const SHOP: &str = "\
asyncapi: 3.0.0
info: {title: t, version: '1'}
channels:
  orders:
    address: shop.orders
    messages:
      placed:
        name: OrderPlaced
        payload:
          type: object
          required: [id, order_id, type]
          properties:
            id: {type: string, format: uuid}
            order_id: {type: string}
            type: {const: OrderPlaced}
            flow: {type: string}
            cause: {type: string}
            total: {type: integer}
        x-eventproof:
          key: $message.payload#/order_id
          envelope:
            id: $message.payload#/id
            type: $message.payload#/type
            correlation: $message.payload#/flow
            causation: $message.payload#/cause
            time: $message.header#/time
";

    fn contract() -> Contract {
        Contract::parse(&Source::inline("asyncapi.yaml", SHOP)).map_err(|faults| faults.render(false)).unwrap().0
    }

    fn record(key: &str, payload: &Value) -> Record {
        let headers = vec![("time".to_owned(), Some(Bytes::from("then"))), ("x".to_owned(), None)];
        let payload = Some(Bytes::from(payload.to_string()));
        Record { topic: "elsewhere".to_owned(), key: Some(Bytes::from(key.to_owned())), headers, payload }
    }

    #[test]
    fn identities_are_new_what_belonged_together_still_does_and_the_rest_stays() {
        let (contract, generator) = (contract(), Generator::new(1, "run"));
        let message = contract.message("OrderPlaced").unwrap();
        let mut renamed = Renamed::default();
        let old = "018f7f7e-0000-7000-8000-000000000001";
        let first = json!({"id": old, "order_id": "o1", "type": "OrderPlaced", "flow": old, "total": 5});
        let second = json!({"id": "018f7f7e-0000-7000-8000-000000000002", "order_id": "o1", "type": "OrderPlaced", "flow": old, "cause": old});
        let other = json!({"id": "018f7f7e-0000-7000-8000-000000000003", "order_id": "o2", "type": "OrderPlaced", "flow": "f", "cause": "unknown"});
        let mut again = |payload: &Value| {
            generator
                .again(&contract, message, &record(payload["order_id"].as_str().unwrap(), payload), &mut renamed)
                .unwrap()
        };
        let made = [again(&first), again(&second), again(&other)];
        let numbers = made.each_ref().map(|draft| event_number(draft.event.id.as_deref().unwrap(), "run"));
        assert_eq!(numbers, [Some(0), Some(1), Some(2)]);
        assert_eq!(made[0].event.correlation, made[0].event.id);
        assert_eq!((&made[1].event.correlation, &made[1].event.causation), (&made[0].event.id, &made[0].event.id));
        assert_ne!(made[2].event.correlation.as_deref(), Some("f"));
        assert_eq!(made[2].event.causation.as_deref(), Some("unknown"), "what was not in the trace is not known");
        assert_eq!(made[0].event.payload["total"], 5);
        assert_eq!(
            (made[0].record.topic.as_str(), made[0].record.key.as_deref()),
            ("shop.orders", Some(b"o1".as_slice()))
        );
        let header = |name: &str| made[0].record.headers.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert!(header("time").unwrap() != "then" && header("x").is_none());
    }

    #[test]
    fn what_is_no_valid_record_or_has_no_place_for_an_id_is_refused() {
        let (contract, generator) = (contract(), Generator::new(1, "run"));
        let message = contract.message("OrderPlaced").unwrap();
        let error = |record: &Record| {
            generator.again(&contract, message, record, &mut Renamed::default()).unwrap_err().to_string()
        };
        assert!(error(&record("k", &json!({"order_id": 7}))).contains("would depart from its schema"));
        let gone = Record { payload: None, ..record("k", &json!({})) };
        assert!(error(&gone).contains("it has no payload, and $message.payload#/id belongs into it"));
    }

    #[test]
    fn a_key_that_departed_from_the_contract_still_does() {
        let (contract, generator) = (contract(), Generator::new(1, "run"));
        let message = contract.message("OrderPlaced").unwrap();
        let payload = json!({"id": "018f7f7e-0000-7000-8000-000000000001", "order_id": "o1", "type": "OrderPlaced"});
        let made = generator.again(&contract, message, &record("else", &payload), &mut Renamed::default()).unwrap();
        assert_eq!(made.record.key.as_deref(), Some(b"else".as_slice()));
    }
}

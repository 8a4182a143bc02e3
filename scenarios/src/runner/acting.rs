//! Sentences that act: HTTP requests that a user of the system would make, one or many.

use std::time::Duration;

use eventproof_evidence::oracle::{Recognise, Target};
use eventproof_evidence::{At, Name, Proof, Verdict};
use eventproof_system::{Answer, Params, SystemError};

use super::publish::recorded_type;
use super::world::{Event, Running, broken, environment};
use crate::catalogue::Arguments;

/// The placeholder of a request's number, where there are many.
const NUMBER: &str = "{n}";

impl Running {
    /// `action "…" is done as "…"`.
    pub async fn act(&mut self, arguments: &Arguments, table: &[(String, String)]) -> Result<Verdict, Verdict> {
        let action = arguments.text("action").unwrap_or_default();
        self.act_as(action, table, arguments.text("as").map(str::to_owned)).await
    }

    /// Does an action, and remembers what it caused under a name.
    pub(super) async fn act_as(
        &mut self,
        action: &str,
        table: &[(String, String)],
        name: Option<String>,
    ) -> Result<Verdict, Verdict> {
        let params: Params = table.iter().cloned().collect();
        let asked = self.now();
        let answered = self.context.rig.system.act(action, &params).await;
        self.take_answer(action, params, asked, answered, name)
    }

    /// `action "…" is done … times in a row`, `… at …`.
    pub async fn act_often(&mut self, arguments: &Arguments, table: &[(String, String)]) -> Result<Verdict, Verdict> {
        let action = arguments.text("action").unwrap_or_default().to_owned();
        let times = arguments.count("times").unwrap_or_default();
        let params = |number: usize| -> Params {
            table.iter().map(|(name, value)| (name.clone(), value.replace(NUMBER, &number.to_string()))).collect()
        };
        let began = self.now();
        match arguments.rate("rate") {
            None => {
                for number in 1..=times {
                    let (params, asked) = (params(number), self.now());
                    let answered = self.context.rig.system.act(&action, &params).await;
                    self.take_answer(&action, params, asked, answered, None)?;
                }
            }
            Some(rate) => {
                let all: Vec<Params> = (1..=times).map(params).collect();
                for (params, asked, answered) in self.act_at(&action, all, rate).await {
                    self.take_answer(&action, params, asked, answered, None)?;
                }
            }
        }
        Ok(Verdict::Held(Proof::timed(format!("{times} requests were answered as declared"), self.now().since(began))))
    }

    /// Begins requests at a rate, each at its instant whether or not earlier ones are answered; the answers in that order.
    async fn act_at(
        &self,
        action: &str,
        all: Vec<Params>,
        rate: f64,
    ) -> Vec<(Params, At, Result<Answer, SystemError>)> {
        let start = tokio::time::Instant::now();
        let requests = all.into_iter().enumerate().map(|(index, params)| async move {
            tokio::time::sleep_until(start + Duration::from_secs_f64(index as f64 / rate)).await;
            let asked = self.now();
            let answered = self.context.rig.system.act(action, &params).await;
            (params, asked, answered)
        });
        futures::future::join_all(requests).await
    }

    /// Judges an answer, and remembers what it says and what it causes.
    fn take_answer(
        &mut self,
        action: &str,
        params: Params,
        asked: At,
        answered: Result<Answer, SystemError>,
        name: Option<String>,
    ) -> Result<Verdict, Verdict> {
        self.keep_exchange(action, &params, asked, answered.as_ref().map_err(ToString::to_string));
        let answer = answered.map_err(environment)?;
        if let Some(cause) = answer.broken {
            return Err(broken(cause));
        }
        let answered = answer.asked + answer.took;
        let mut values = params;
        values.extend(answer.captures);
        let context = self.context.clone();
        let spec = context.rig.system.action(action).map_err(environment)?;
        let fields: Vec<(String, String)> = values.clone().into_iter().collect();
        if let Some(follows) = &spec.publishes {
            let mut recognised = Vec::new();
            for (pointer, template) in &follows.fields {
                let text = values
                    .iter()
                    .fold(template.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
                recognised.push((Name::from(pointer.as_str()), Name::from(text)));
            }
            let event = self.caused(&follows.message, recognised, name, (asked, answered), follows.within)?;
            self.remember(event, &fields);
        } else {
            for (field, value) in fields {
                self.values.extend(name.iter().map(|name| (format!("{name}.{field}"), value.clone())));
            }
        }
        Ok(Verdict::Held(Proof::timed(format!("answered {}", answer.status), answer.took)))
    }

    /// An event that a service will publish; its key follows from the fields that it is known by.
    fn caused(
        &self,
        message: &str,
        fields: Vec<(Name, Name)>,
        name: Option<String>,
        (asked, since): (At, At),
        appears: Duration,
    ) -> Result<Event, Verdict> {
        let declared = self.context.message(message)?;
        let rule = declared.envelope.key.as_ref().map(|rule| rule.pointer.clone());
        let key = rule
            .and_then(|rule| fields.iter().find(|(pointer, _)| **pointer == *rule))
            .map(|(_, text)| text.to_string());
        let shown: Vec<String> = fields.iter().map(|(pointer, text)| format!("{}={text}", &pointer[1..])).collect();
        let target = Target {
            what: format!("\"{message}\" with {}", shown.join(", ")),
            topic: declared.topic.as_str().into(),
            recognise: Recognise::Fields { event_type: recorded_type(declared).into(), fields },
            partition: self.partition_of(message, key.as_deref()),
            key: key.clone(),
            // An action that was done before, with the same values, caused one like it.
            from: asked,
        };
        Ok(Event {
            name,
            message: message.to_owned(),
            target,
            key,
            draft: None,
            copies: 1,
            everywhere: false,
            since,
            appears,
        })
    }
}

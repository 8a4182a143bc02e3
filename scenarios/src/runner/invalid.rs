//! Sentences that publish what the contract does not allow, and keys that hostile partitioners fail on.

use std::collections::BTreeSet;

use eventproof_contract::Invalid;
use eventproof_evidence::oracle::Recognise;
use eventproof_evidence::{Proof, Reason, Verdict};
use serde_json::Value;

use super::publish::payload_fields;
use super::world::{Running, environment};
use crate::catalogue::Arguments;

/// Rows of the table that choose, and set no field.
const RULE: &str = "rule";
const PLACE: &str = "place";

/// How many drafts are tried for the neighbour that the table asks for.
const DRAWS: usize = 24;

impl Running {
    /// `an invalid "…" is published`.
    pub async fn publish_invalid(
        &mut self,
        arguments: &Arguments,
        table: &[(String, String)],
    ) -> Result<Verdict, Verdict> {
        let name = arguments.text("event").unwrap_or_default().to_owned();
        let invalid = self.choose_invalid(&name, table)?;
        let fields = payload_fields(&invalid.draft);
        let what = format!("{} of {} is broken", invalid.rule, invalid.place);
        let mut event = self.published_event(&name, invalid.draft, arguments.text("as").map(str::to_owned));
        if event.target.id().is_none_or(|id| id.is_empty()) {
            // What has no id is known by the place where it is put.
            event.target.recognise = Recognise::Id(self.generator.identity().into());
        }
        self.context.on_purpose(event.target.id().map(|id| id.to_string()).unwrap_or_default());
        let verdict = self.send(&event, 1).await?;
        self.remember(event, &fields);
        Ok(match verdict {
            Verdict::Held(proof) => Verdict::Held(Proof { text: format!("{what}; {}", proof.text), ..proof }),
            other => other,
        })
    }

    /// The one that the table asks for, or one by the seed.
    fn choose_invalid(&mut self, name: &str, table: &[(String, String)]) -> Result<Invalid, Verdict> {
        let context = self.context.clone();
        let contract = &context.pack.contract;
        let message = context.message(name)?;
        let asked = |row: &str| table.iter().find(|(field, _)| field == row).map(|(_, text)| text.as_str());
        let (rule, place) = (asked(RULE), asked(PLACE));
        let given: Vec<(String, Value)> = table
            .iter()
            .filter(|(field, _)| field != RULE && field != PLACE)
            .map(|(field, text)| (field.clone(), super::publish::typed(message, field, text)))
            .collect();
        // Of what is not asked for, what can be followed by its id.
        let open = rule.is_none() && place.is_none();
        let can_follow = |one: &Invalid| one.draft.event.id.is_some() && one.draft.event.message.is_some();
        let mut known = BTreeSet::new();
        // Optional fields and values of several types differ from draft to draft, and with them what can be broken.
        for _ in 0..DRAWS {
            let mut all = self.generator.invalid_records(contract, message, &given).map_err(environment)?;
            known.extend(all.iter().map(|one| format!("{} of {}", one.rule, one.place)));
            all.retain(|one| one.fits(rule, place) && (!open || can_follow(one)));
            if let Some(at) = self.generator.choose(all.len()) {
                return Ok(all.swap_remove(at));
            }
        }
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        let detail = format!("\"{name}\" has no such invalid neighbour; there are: {known}");
        Err(Verdict::CannotTell(Reason::Environment { detail }))
    }

    /// `a key of "…" that hashes to Integer.MIN_VALUE is called "…"`.
    pub fn name_hostile_key(&mut self, arguments: &Arguments) -> Result<Verdict, Verdict> {
        let name = arguments.text("event").unwrap_or_default();
        let context = self.context.clone();
        let contract = &context.pack.contract;
        let message = context.message(name)?;
        let key = self.generator.hostile_key(contract, message).ok_or_else(|| {
            environment(format!(
                "no producer of \"{name}\" takes the absolute value of a hash: the contract states `partitioner: java_hash_…` for none"
            ))
        })?;
        self.values.insert(arguments.text("as").unwrap_or_default().to_owned(), key.clone());
        Ok(Verdict::Held(Proof::of(format!("the key is \"{key}\""))))
    }

    /// `the schemas are registered as the contract declares them`.
    pub async fn schemas_as_declared(&self) -> Result<Verdict, Verdict> {
        let contract = &self.context.pack.contract;
        let Some(registry) = &self.context.rig.registry else {
            return Err(environment("no message of the contract needs a schema registry"));
        };
        let found = registry.drift(contract).await.map_err(environment)?;
        match found.into_iter().next() {
            Some((code, text)) => Err(Verdict::Broken(eventproof_evidence::Cause::SchemaDiffers { code, text })),
            None => Ok(Verdict::Held(Proof::of(format!("{} schemas", contract.registered_messages().count())))),
        }
    }
}

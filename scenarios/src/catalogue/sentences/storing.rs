//! Sentences that make a store fail.

use super::{en, zh};
use crate::catalogue::{Sentence, SentenceId};

pub(super) static STORING: &[Sentence] = &[
    Sentence {
        id: SentenceId::StoreIsDown,
        name: "store-is-down",
        meaning: "A store is gone, until it is up again or the scenario ends: open connections are closed by force, and every new one at once.",
        observes: "how many connections it meets, until the store is up again or the scenario ends; a fault that meets none leaves no verdict",
        proves: "that the store was gone for its services",
        cannot_prove: "what they were about to do there",
        table: "",
        example: "Given store \"posts-db\" is down",
        forms: &[en("store {store:store} is down"), zh("存储{store:store}不可用")],
    },
    Sentence {
        id: SentenceId::StoreIsLate,
        name: "store-is-late",
        meaning: "Everything that a store says arrives so much later, until it is up again or the scenario ends.",
        observes: "how much of what it says comes late, until the store is up again or the scenario ends; a fault that meets nothing leaves no verdict",
        proves: "that the delay was there, in each answer: a service that asks several times waits as often",
        cannot_prove: "that the store did its work any later: only its answers are held up",
        table: "",
        example: "Given store \"posts-db\" answers 300ms late",
        forms: &[en("store {store:store} answers {by:duration} late"), zh("存储{store:store}应答晚{by:duration}")],
    },
    Sentence {
        id: SentenceId::StoreBreaksOff,
        name: "store-breaks-off",
        meaning: "The next connections to a store on which a service says something are closed by force before the store hears it, so many, also those that are open already.",
        observes: "how many connections it meets, until the store is up again or the scenario ends; a fault that meets none leaves no verdict",
        proves: "that so many connections were broken off as its finding says",
        cannot_prove: "what was said on them: it may have been a question, a commit or a farewell",
        table: "",
        example: "Given store \"posts-db\" breaks off 2 connections",
        forms: &[
            en("store {store:store} breaks off {times:count} connection(s)"),
            zh("存储{store:store}断开{times:count}个连接"),
        ],
    },
    Sentence {
        id: SentenceId::StoreIsUp,
        name: "store-is-up",
        meaning: "Ends everything that this scenario did to a store: connections pass again, at once.",
        observes: "whom each fault of the store met; one that met nobody leaves no verdict",
        proves: "that each fault met somebody",
        cannot_prove: "that anybody asks the store again: effects do",
        table: "",
        example: "When store \"posts-db\" is up again",
        forms: &[en("store {store:store} is up again"), zh("存储{store:store}恢复可用")],
    },
];

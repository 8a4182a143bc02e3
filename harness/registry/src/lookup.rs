//! Asking for schemas by id in the middle of reading a record, where nothing can be awaited.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use eventproof_contract::{SchemaSource, SchemaText};

use crate::RegistryClient;

type Answer = Result<Option<SchemaText>, String>;

struct Question {
    id: u32,
    answer: Sender<Answer>,
}

/// A thread that asks; it ends with the last lookup that knows it.
pub(crate) struct Lookup {
    questions: Sender<Question>,
}

impl Lookup {
    /// The error says what the machine lacks for another thread.
    pub fn start(client: &RegistryClient) -> Result<Arc<Lookup>, String> {
        let client = client.apart().map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (questions, asked) = channel();
        let work = move || answer(&runtime, &client, &asked);
        std::thread::Builder::new().name("schema-lookup".to_owned()).spawn(work).map_err(|error| error.to_string())?;
        Ok(Arc::new(Lookup { questions }))
    }
}

fn answer(runtime: &tokio::runtime::Runtime, client: &RegistryClient, asked: &Receiver<Question>) {
    while let Ok(question) = asked.recv() {
        let found = runtime.block_on(client.by_id(question.id)).map_err(|error| error.to_string());
        // Who asked may have gone.
        let _ = question.answer.send(found);
    }
}

impl SchemaSource for Lookup {
    fn by_id(&self, id: u32) -> Answer {
        let gone = || "nobody asks the registry any more".to_owned();
        let (answer, answered) = channel();
        self.questions.send(Question { id, answer }).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

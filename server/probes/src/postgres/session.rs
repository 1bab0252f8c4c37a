//! One connection to a `PostgreSQL`, and what is asked over it.

use std::collections::HashMap;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
};
use tokio_postgres::{
    Client, Connection, Error, Row, SimpleQueryStream, Statement,
    types::{ToSql, Type},
};

/// A connection. Dropped, it ends at once, whatever is under way; [`Session::close`] says goodbye.
pub(crate) struct Session {
    client: Client,
    driver: Driver,
    prepared: HashMap<&'static str, Statement>,
}

/// What moves bytes between the client and the server; without it nothing comes or goes.
struct Driver(JoinHandle<()>);

/// A value that goes with a question, and its type there.
pub(crate) type With<'a> = (&'a (dyn ToSql + Sync), Type);

/// A question, and the types of what goes with it.
pub(crate) type Question = (&'static str, &'static [Type]);

/// A text that goes with a question.
pub(crate) fn text<T: AsRef<str> + ToSql + Sync>(text: &T) -> With<'_> {
    (text, Type::TEXT)
}

/// A number that goes with a question.
pub(crate) fn number(number: &i64) -> With<'_> {
    (number, Type::INT8)
}

impl Session {
    /// Takes over what a connector has made.
    pub(crate) fn new<S, T>(client: Client, connection: Connection<S, T>) -> Session
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // How it ends is heard by whoever asks next.
        let driver = Driver(tokio::spawn(async move { drop(connection.await) }));
        Session { client, driver, prepared: HashMap::new() }
    }

    /// Lets the server read a question before it is asked, so that asking takes one answer and not two.
    pub(crate) async fn prepare(&mut self, question: &'static str, types: &[Type]) -> Result<Statement, Error> {
        if let Some(statement) = self.prepared.get(question) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare_typed(question, types).await?;
        self.prepared.insert(question, statement.clone());
        Ok(statement)
    }

    /// Lets the server read several questions in the time of one answer. What it does not take, it says when it is asked.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) async fn prepare_all(&mut self, questions: &[Question]) -> Result<(), Error> {
        let client = &self.client;
        let read = questions.iter().map(async |(question, types)| (*question, client.prepare_typed(question, types).await));
        for (question, outcome) in futures::future::join_all(read).await {
            match outcome {
                Ok(statement) => drop(self.prepared.insert(question, statement)),
                Err(error) if error.code().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The rows of an answer.
    pub(crate) async fn rows(&mut self, question: &'static str, with: &[With<'_>]) -> Result<Vec<Row>, Error> {
        let types: Vec<Type> = with.iter().map(|(_, kind)| kind.clone()).collect();
        let statement = self.prepare(question, &types).await?;
        let values: Vec<&(dyn ToSql + Sync)> = with.iter().map(|(value, _)| *value).collect();
        self.client.query(&statement, &values).await
    }

    /// The first text of an answer; nothing when it has no row.
    pub(crate) async fn text(&mut self, question: &'static str, with: &[With<'_>]) -> Result<Option<String>, Error> {
        self.rows(question, with).await?.first().map(|row| row.try_get(0)).transpose()
    }

    /// Runs statements that answer nothing, in one go.
    pub(crate) async fn run(&self, statements: &str) -> Result<(), Error> {
        self.client.batch_execute(statements).await
    }

    /// The rows of an answer as they come, each value as text.
    pub(crate) async fn stream(&self, question: &str) -> Result<SimpleQueryStream, Error> {
        self.client.simple_query_raw(question).await
    }

    /// Says goodbye and waits until it is said.
    pub(crate) async fn close(self) {
        let Session { client, mut driver, prepared } = self;
        drop((prepared, client));
        let _ = (&mut driver.0).await;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! What the connections that read share: the queries that are left, and whom they tell the answers.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use postgres::Client;

use super::session;
use super::task::{Answer, Source, Task, WAVES, Wave};
use crate::catalog::Pool;
use crate::db::Server;
use crate::error::{Error, Result};
use crate::kinds::Present;

/// What is told while a catalog is read.
pub(super) enum News {
    /// Numbers of answers that there will be, by wave.
    Expected([usize; WAVES]),
    /// An answer or a piece of one, when it can be taken in, and whether it is the last piece.
    Answered(Wave, Answer, bool),
}

/// Queries that are left.
pub(super) struct Work<'a> {
    server: &'a Server,
    /// Whether one connection begins before it is known what the catalogs hold.
    is_begun: bool,
    is_huge: bool,
    pool: Option<&'a Pool>,
    /// `None` until one of the connections asked what the catalogs hold.
    queue: Mutex<Option<(Arc<Source<'a>>, VecDeque<Task>)>>,
}

impl<'a> Work<'a> {
    pub(super) fn new(server: &'a Server, (is_begun, is_huge): (bool, bool), pool: Option<&'a Pool>) -> Self {
        Self {
            server,
            is_begun,
            is_huge,
            pool,
            queue: Mutex::default(),
        }
    }

    /// Runs what needs no answer before it; the other connection finds out what else is worth a query.
    pub(super) fn begin(&self, client: &mut Client, news: &Sender<News>) -> Result<()> {
        let source = self.everything();
        Self::first(&source)
            .into_iter()
            .try_for_each(|task| run(task, client, &source, news))
    }

    fn everything(&self) -> Source<'a> {
        Source::new(self.server, Present::everything(), self.is_huge, self.pool)
    }

    fn first(source: &Source) -> Vec<Task> {
        let mut tasks = Task::all(source);
        tasks.retain(Task::is_first);
        tasks
    }

    /// Runs what is left, as long as there is something.
    pub(super) fn drain(
        &self,
        client: &mut Client,
        next: fn(&mut VecDeque<Task>) -> Option<Task>,
        news: &Sender<News>,
    ) -> Result<()> {
        while let Some((source, task)) = self.next(client, next, news)? {
            run(task, client, &source, news)?;
        }
        Ok(())
    }

    fn next(
        &self,
        client: &mut Client,
        next: fn(&mut VecDeque<Task>) -> Option<Task>,
        news: &Sender<News>,
    ) -> Result<Option<(Arc<Source<'a>>, Task)>> {
        let mut queue = (self.queue.lock()).map_err(|_| Error::internal("the queue of catalog queries is poisoned"))?;
        let (source, tasks) = match &mut *queue {
            Some(queue) => queue,
            None => queue.insert(self.prepare(client, news)?),
        };
        Ok(next(tasks).map(|task| (Arc::clone(source), task)))
    }

    fn prepare(&self, client: &mut Client, news: &Sender<News>) -> Result<(Arc<Source<'a>>, VecDeque<Task>)> {
        let source = Source::new(self.server, session::present(client)?, self.is_huge, self.pool);
        let begun = if self.is_begun {
            Self::first(&self.everything())
        } else {
            Vec::new()
        };
        let mut left = Task::all(&source);
        left.retain(|task| !(self.is_begun && task.is_first()));
        let mut expected = [0; WAVES];
        for task in begun.iter().chain(&left) {
            expected[task.wave()] += 1;
        }
        let _ = news.send(News::Expected(expected));
        Ok((Arc::new(source), left.into()))
    }
}

/// Runs one query and tells its answer. Nobody listens once something went wrong, which is then what is reported.
fn run(task: Task, client: &mut Client, source: &Source, news: &Sender<News>) -> Result<()> {
    let wave = task.wave();
    task.run(client, source, &mut |answer, is_last| {
        let _ = news.send(News::Answered(wave, answer, is_last));
    })
}

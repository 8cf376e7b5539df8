//! Traffic as it comes: history at start, then every bin when it is over.
//!
//! One task for each stream. A source that does not answer, or answers with nothing, is a fact about the source and never
//! about traffic.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::bucket::Stretch;
use super::plan::{Plan, StreamPlan};
use super::source::{Answer, Source, SourceError};
use super::stream::Stream;
use crate::clock::Clock;
use crate::endpoint::Endpoint;
use crate::record::Recorder;

/// A source that failed is asked again after this, then after twice as long, up to the longest.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// The longest wait for a source that fails.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// Watches the traffic of all streams.
#[derive(Debug)]
pub struct Watch {
    /// What is watched.
    pub plan: Arc<Plan>,
    /// Every endpoint, also those that are probed elsewhere: series are joined to them by host.
    pub endpoints: watch::Receiver<Arc<[Arc<Endpoint>]>>,
    /// Who is told.
    pub recorder: Arc<Recorder>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Watch {
    /// Watches until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let plan = &self.plan;
        self.recorder.traffic_replaced(
            &plan
                .sources
                .iter()
                .map(|source| Arc::clone(&source.name))
                .collect::<Vec<_>>(),
            &plan
                .streams
                .iter()
                .map(|stream| Arc::clone(&stream.name))
                .collect::<Vec<_>>(),
        );
        let board = Arc::new(Board::of(&self));
        let mut streams = JoinSet::new();
        for (place, stream) in plan.streams.iter().enumerate() {
            let Some(settings) = plan.sources.get(stream.source) else {
                continue;
            };
            let source = match Source::new(settings.as_ref().clone()) {
                Ok(source) => source,
                Err(error) => {
                    board.tell(place, stream.source, Some(error.to_string()));
                    continue;
                }
            };
            let task = Task {
                place,
                source,
                board: Arc::clone(&board),
                endpoints: self.endpoints.clone(),
                clock: Arc::clone(&self.clock),
                plan: Arc::clone(stream),
                warned: Vec::new(),
            };
            streams.spawn(task.run(Stream::new(plan, Arc::clone(stream)), stop.clone()));
        }
        streams.join_all().await;
    }
}

/// What the streams know of each other: the budget that they share, and the sources that several may ask.
#[derive(Debug)]
struct Board {
    recorder: Arc<Recorder>,
    sources: Vec<Arc<str>>,
    streams: Mutex<Vec<Entry>>,
}

/// What is known of one stream.
#[derive(Debug, Clone, Default)]
struct Entry {
    source: usize,
    subjects: usize,
    /// Whether it has been asked at all.
    asked: bool,
    problem: Option<String>,
}

impl Board {
    fn of(watch: &Watch) -> Self {
        let plan = &watch.plan;
        let entry = |stream: &Arc<StreamPlan>| Entry {
            source: stream.source,
            ..Entry::default()
        };
        Self {
            recorder: Arc::clone(&watch.recorder),
            sources: plan
                .sources
                .iter()
                .map(|source| Arc::clone(&source.name))
                .collect(),
            streams: Mutex::new(plan.streams.iter().map(entry).collect()),
        }
    }

    /// Says how many subjects a stream has, and gives those of all.
    fn share(&self, place: usize, subjects: usize) -> usize {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = streams.get_mut(place) {
            entry.subjects = subjects;
        }
        streams.iter().map(|entry| entry.subjects).sum()
    }

    /// Says what is wrong with a stream's source, as that stream sees it. A source is up while no stream has anything
    /// against it.
    fn tell(&self, place: usize, source: usize, problem: Option<String>) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = streams.get_mut(place) {
            entry.asked = true;
            entry.problem = problem;
        }
        let of_source = || {
            streams
                .iter()
                .filter(|entry| entry.source == source && entry.asked)
        };
        let problem = of_source().find_map(|entry| entry.problem.clone());
        if let Some(name) = self.sources.get(source) {
            self.recorder.traffic_source(name, problem.is_none(), problem);
        }
    }
}

/// The task of one stream.
struct Task {
    place: usize,
    source: Source,
    board: Arc<Board>,
    endpoints: watch::Receiver<Arc<[Arc<Endpoint>]>>,
    clock: Arc<dyn Clock>,
    plan: Arc<StreamPlan>,
    /// What the source has warned of last, so that nothing is said twice.
    warned: Vec<String>,
}

impl Task {
    async fn run(mut self, mut stream: Stream, stop: CancellationToken) {
        let mut retry = FIRST_RETRY;
        loop {
            let endpoints = Arc::clone(&self.endpoints.borrow_and_update());
            stream.join(&endpoints);
            let caught_up = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                caught_up = self.catch_up(stream) => caught_up,
            };
            let wait;
            (stream, wait) = match caught_up {
                Ok(stream) => {
                    retry = FIRST_RETRY;
                    self.tell(&stream);
                    let due = Duration::try_from(stream.next_due(self.clock.now())).unwrap_or_default();
                    let wait = self.clock.time_for(due);
                    (stream, wait)
                }
                Err((stream, error)) => {
                    self.board
                        .tell(self.place, self.plan.source, Some(error.to_string()));
                    let wait = retry;
                    retry = (retry * 2).min(LONGEST_RETRY);
                    (stream, wait)
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                Ok(()) = self.endpoints.changed() => {}
            }
        }
    }

    /// Asks for all bins that are over, and judges them.
    async fn catch_up(&mut self, mut stream: Stream) -> Result<Stream, (Stream, SourceError)> {
        loop {
            let now = self.clock.now();
            let census = !stream.has_begun();
            let stretch = if census {
                stream.census(now)
            } else {
                match stream.due(now) {
                    Some(stretch) => stretch,
                    None => return Ok(stream),
                }
            };
            let (answer, reference) = match self.ask(&stream, stretch).await {
                Ok(answers) => answers,
                Err(error) => return Err((stream, error)),
            };
            self.pass_on(&answer.warnings);
            if census {
                stream.plan_history(now, &answer);
                continue;
            }
            let sharers = self.board.share(self.place, stream.judged_subjects());
            // Weeks of history are judged in seconds, not in microseconds: not on a thread that others wait for.
            let judged = tokio::task::spawn_blocking(move || {
                stream.share_among(sharers);
                let left_out = stream.take(now, stretch, &answer, reference.as_ref());
                (stream, left_out)
            });
            let left_out;
            (stream, left_out) = match judged.await {
                Ok(judged) => judged,
                Err(failed) => match failed.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is shutting down, and this task with it.
                    Err(_) => std::future::pending().await,
                },
            };
            if left_out > 0 {
                self.pass_on(&[format!(
                    "{left_out} label sets are left out: a stream has at most {} series",
                    super::bucket::MOST_SERIES
                )]);
            }
        }
    }

    async fn ask(&self, stream: &Stream, stretch: Stretch) -> Result<(Answer, Option<Answer>), SourceError> {
        let (own, reference) = stream.questions(stretch).map_err(|error| SourceError::Question {
            name: Arc::clone(&self.plan.name),
            problem: error.to_string(),
        })?;
        let answer = self.source.fetch(&own).await?;
        let reference = match reference {
            Some(question) => Some(self.source.fetch(&question).await?),
            None => None,
        };
        Ok((answer, reference))
    }

    fn tell(&self, stream: &Stream) {
        let problem = stream.all_missing().map(|since| match since {
            Some(since) => format!(
                "no series of stream {} has a sample since {since}",
                self.plan.name
            ),
            None => format!("the query of stream {} has no series", self.plan.name),
        });
        self.board.tell(self.place, self.plan.source, problem);
        self.board.recorder.record_traffic(stream.report());
    }

    /// Passes the source's warnings on, each once.
    fn pass_on(&mut self, warnings: &[String]) {
        for warning in warnings {
            if !self.warned.contains(warning) && self.warned.len() < MOST_WARNED {
                tracing::warn!(stream = &*self.plan.name, %warning, "the source of traffic warns");
                self.warned.push(warning.clone());
            }
        }
    }
}

/// So many different warnings of a source are passed on; their texts come from the network.
const MOST_WARNED: usize = 100;

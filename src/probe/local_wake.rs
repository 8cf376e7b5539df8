//! Wakes that stay within a probe.
//!
//! The parts of an exchange wake each other: a request wakes the connection that writes it, and the connection wakes whoever
//! reads what has come. They run in one task, so such a wake asks for a task that is just running. The runtime queues it
//! again after its turn and rouses another worker to fetch it, which costs more than what is left to do.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Turns in a row, before other tasks of the worker have theirs.
const TURNS: usize = 16;

/// Nothing happens until a wake.
const IDLE: u8 = 0;
/// The future is having its turn.
const RUNNING: u8 = 1;
/// It was woken since its turn began.
const WOKEN: u8 = 2;

/// Runs a future to its end, and gives it another turn at once where it was woken within the last.
pub(super) async fn keep<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    let own = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&own));
    std::future::poll_fn(|cx| {
        own.task.register(cx.waker());
        for _ in 0..TURNS {
            own.begin();
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(output);
            }
            if own.rest() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// The wakes of one future, and the task that it runs in.
#[derive(Debug, Default)]
struct Wakes {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wakes {
    /// A turn begins. What was written before a wake until here is seen in it.
    fn begin(&self) {
        self.state.swap(RUNNING, Ordering::AcqRel);
    }

    /// Whether the turn ended without a wake.
    fn rest(&self) -> bool {
        self.state
            .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == IDLE {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Count {
        fn get(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Wakes itself so many times, one in each turn.
    fn restless(mut left: usize) -> impl Future<Output = ()> {
        std::future::poll_fn(move |cx| {
            let Some(less) = left.checked_sub(1) else {
                return Poll::Ready(());
            };
            left = less;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    #[test]
    fn a_future_that_wakes_itself_has_its_next_turn_without_the_task_being_woken() {
        let woken = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&woken));
        let restless = pin!(restless(TURNS - 1));
        let mut kept = pin!(keep(restless));
        assert!(kept.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        assert_eq!(woken.get(), 0);
    }

    #[test]
    fn one_that_goes_on_waking_itself_leaves_the_worker_to_others_between_times() {
        let woken = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&woken));
        let restless = pin!(restless(TURNS * 2));
        let mut kept = pin!(keep(restless));
        for turn in 1..=2 {
            assert!(kept.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!(woken.get(), turn);
        }
        assert!(kept.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    }

    #[test]
    fn a_wake_from_elsewhere_wakes_the_task_once_a_turn() {
        let woken = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&woken));
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let until_the_end = pin!(async move { while receiver.recv().await != Some("end") {} });
        let mut kept = pin!(keep(until_the_end));
        for turn in 0..3 {
            assert!(kept.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!(woken.get(), turn);
            sender.send("more").unwrap();
            sender.send("more").unwrap();
            assert_eq!(woken.get(), turn + 1);
        }
        sender.send("end").unwrap();
        assert!(kept.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_between_two_tasks_is_lost() {
        let (to, mut from) = tokio::sync::mpsc::channel(1);
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            for number in 0..20_000_u32 {
                to.send(number).await.unwrap();
            }
        });
        let sum = pin!(async move {
            let mut sum = 0_u64;
            while let Some(number) = from.recv().await {
                sum += u64::from(number);
            }
            sum
        });
        assert_eq!(keep(sum).await, 19_999 * 10_000);
    }
}

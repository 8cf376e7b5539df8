//! The same question to several servers and families at once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use hickory_proto::rr::Name;
use tokio::time::{Instant, timeout_at};

use super::exchange::Link;
use super::lookup::lookup;
use crate::outcome::{Answer, Family, Message, Reply, ResponseCode, ServerRole};

/// Questions under way; whoever has not answered when it ends has timed out.
pub(super) struct Round<'a> {
    links: &'a [Link],
    families: &'a [Family],
    role: ServerRole,
    deadline: Instant,
    started: Instant,
    /// Server by server, family by family: the reply and when it came.
    replies: Vec<Option<(Reply, Duration)>>,
    pending: FuturesUnordered<BoxFuture<'a, (usize, Reply)>>,
}

impl<'a> Round<'a> {
    /// Asks every server for every family.
    pub(super) fn start(
        links: &'a [Link],
        role: ServerRole,
        name: &'a Name,
        families: &'a [Family],
        deadline: Instant,
    ) -> Self {
        let pending: FuturesUnordered<BoxFuture<'a, _>> = links
            .iter()
            .flat_map(|link| families.iter().map(move |family| (link, *family)))
            .enumerate()
            .map(|(at, (link, family))| -> BoxFuture<'a, _> {
                Box::pin(async move { (at, lookup(link, role, name, family, deadline).await) })
            })
            .collect();
        Self {
            links,
            families,
            role,
            deadline,
            started: Instant::now(),
            replies: vec![None; pending.len()],
            pending,
        }
    }

    /// Waits until a server has settled the question; false when none did.
    pub(super) async fn until_settled(&mut self) -> bool {
        while let Ok(Some((at, reply))) = timeout_at(self.deadline, self.pending.next()).await {
            self.replies[at] = Some((reply, self.started.elapsed()));
            if self.settled(at / self.families.len()) {
                return true;
            }
        }
        false
    }

    /// Waits for all others.
    pub(super) async fn until(&mut self, limit: Instant) {
        while let Ok(Some((at, reply))) = timeout_at(limit, self.pending.next()).await {
            self.replies[at] = Some((reply, self.started.elapsed()));
        }
    }

    /// The first server, in the order asked, that has settled the question.
    pub(super) fn believed(&self) -> Option<usize> {
        (0..self.links.len()).find(|server| self.settled(*server))
    }

    /// What a server said that can be believed, and when.
    pub(super) fn said(&self, server: usize) -> impl Iterator<Item = (Family, &Message, Duration)> {
        let first = server * self.families.len();
        self.families
            .iter()
            .zip(&self.replies[first..])
            .filter_map(|(family, reply)| match reply {
                Some((Reply::Message(message), after)) if usable(message) => Some((*family, message, *after)),
                _ => None,
            })
    }

    /// What all servers said that can be believed.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        (0..self.links.len()).flat_map(|server| self.said(server).map(|(_, message, _)| message))
    }

    /// Every address of every believable answer, with repetitions.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.messages()
            .flat_map(|message| message.addresses.iter().copied())
    }

    /// What each server said, in the order asked.
    pub(super) fn into_answers(self) -> impl Iterator<Item = Answer> {
        let Self {
            links,
            families,
            role,
            replies,
            ..
        } = self;
        links
            .iter()
            .flat_map(move |link| families.iter().map(move |family| (link, *family)))
            .zip(replies)
            .map(move |((link, family), reply)| Answer {
                server: Arc::clone(&link.label),
                role,
                family,
                reply: reply.map_or(Reply::Timeout, |(reply, _)| reply),
            })
    }

    /// Whether a server has said enough: addresses, or that there is no such name, or all that it was asked.
    fn settled(&self, server: usize) -> bool {
        let mut said = 0;
        for (_, message, _) in self.said(server) {
            if !message.addresses.is_empty() || message.rcode == ResponseCode::NxDomain {
                return true;
            }
            said += 1;
        }
        said == self.families.len()
    }
}

fn usable(message: &Message) -> bool {
    matches!(message.rcode, ResponseCode::NoError | ResponseCode::NxDomain)
}

//! One question to one broker, and what its refusal says.

use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;

use super::Admin;
use super::fan_out::To;
use crate::cluster::{Lane, Node};
use crate::error::{Error, Result};
use crate::net::Throttled;
use crate::security::Sasl;

/// What is done, and how it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) what: &'a str,
    min_version: i16,
    max_version: i16,
    pub(super) is_alone: bool,
}

impl<'a> Operation<'a> {
    /// Something that errors name in these words: `deleting groups`.
    pub(super) fn new(what: &'a str) -> Self {
        Self {
            what,
            min_version: i16::MIN,
            max_version: i16::MAX,
            is_alone: false,
        }
    }

    /// A request has room for one item.
    pub(super) fn one_by_one(self) -> Self {
        Self {
            is_alone: true,
            ..self
        }
    }

    /// Later versions are not to be spoken.
    pub(super) fn up_to(self, max_version: i16) -> Self {
        Self {
            max_version,
            ..self
        }
    }

    /// Earlier versions cannot say what is wanted, if something is: a broker that has no other is an error.
    pub(super) fn needing(self, min_version: i16, is_wanted: bool) -> Self {
        if !is_wanted {
            return self;
        }
        Self {
            min_version: self.min_version.max(min_version),
            ..self
        }
    }
}

impl Admin {
    /// Asks one broker one thing, and again while that may help.
    ///
    /// # Errors
    /// As `read` has them, with the names of broker and principal in those of ACLs; `Error::Timeout` after
    /// `default.api.timeout.ms`.
    pub(super) async fn ask<R, T>(
        &self,
        operation: Operation<'_>,
        to: To,
        make: impl Fn(i16) -> R,
        read: impl Fn(R::Response) -> Result<T>,
    ) -> Result<T>
    where
        R: Request,
        R::Response: Throttled,
    {
        let (to, make, read) = (&to, &make, &read);
        let mut attempts = 0..;
        self.retry(operation.what, || {
            let attempt = attempts.next().unwrap_or_default();
            async move {
                let node = match self.place(to).await? {
                    // A broker may pass a request on to a controller that leads no more, and not notice.
                    Node::Any if attempt > 0 => Node::InTurn(attempt),
                    node => node,
                };
                let (answer, broker) = self.send(node, operation, make).await?;
                read(answer).map_err(|error| self.told(error, Some(&broker)))
            }
        })
        .await
    }

    /// The same for an answer about several things, each with an outcome of its own.
    ///
    /// # Errors
    /// As `read` has them for all of the answer.
    pub(super) async fn ask_each<R, I, T>(
        &self,
        operation: Operation<'_>,
        make: impl Fn(i16) -> R,
        read: impl Fn(R::Response) -> Result<Vec<(I, Result<T>)>>,
    ) -> Result<Vec<(I, Result<T>)>>
    where
        R: Request,
        R::Response: Throttled,
    {
        let (make, read) = (&make, &read);
        self.retry(operation.what, || async move {
            let (answer, broker) = self.send(Node::Any, operation, make).await?;
            let all = read(answer).map_err(|error| self.told(error, Some(&broker)))?;
            let each = all.into_iter().map(|(item, outcome)| {
                let outcome = outcome.map_err(|error| self.told(error, Some(&broker)));
                (item, outcome)
            });
            Ok(each.collect())
        })
        .await
    }

    /// Sends a request once; the answer comes with the name of the broker.
    pub(super) async fn send<R>(
        &self,
        node: Node,
        operation: Operation<'_>,
        make: impl FnOnce(i16) -> R,
    ) -> Result<(R::Response, String)>
    where
        R: Request,
        R::Response: Throttled,
    {
        let connection = self.cluster.connection(node, Lane::Main).await?;
        let (min, max) = (operation.min_version, operation.max_version);
        let version = connection.version_within::<R>(min, max)?;
        let limit = self.cluster.config().request_timeout;
        let answer = connection.send(&make(version), version, limit).await?;
        Ok((answer, connection.broker().to_owned()))
    }

    /// A denial also says who was denied, and by whom: that is what an ACL has to be written for.
    pub(super) fn told(&self, error: Error, broker: Option<&str>) -> Error {
        let Error::Broker {
            code,
            what,
            message,
        } = error
        else {
            return error;
        };
        let is_denial = matches!(
            code,
            ErrorCode::TopicAuthorizationFailed
                | ErrorCode::GroupAuthorizationFailed
                | ErrorCode::ClusterAuthorizationFailed
                | ErrorCode::TransactionalIdAuthorizationFailed
                | ErrorCode::DelegationTokenAuthorizationFailed
        );
        let security = &self.cluster.config().security;
        let who = match security.sasl().map(Sasl::principal) {
            Some(principal) => format!("\"{principal}\""),
            None => "this client".to_owned(),
        };
        let message = match message {
            // Some brokers say it with all that they know of the connection.
            Some(said) if is_denial && said.starts_with("Request Request(") => said
                .rfind("needs ")
                .map(|needs| format!("it {}", &said[needs..])),
            message => message,
        };
        let what = match broker {
            Some(broker) if is_denial => format!("{what}, asked for by {who} at {broker}"),
            None if is_denial => format!("{what}, asked for by {who}"),
            _ => what,
        };
        Error::Broker {
            code,
            what,
            message,
        }
    }
}

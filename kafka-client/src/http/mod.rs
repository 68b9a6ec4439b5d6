//! A small HTTP/1.1 client, for the services that stand beside a cluster: schema registries, token endpoints.
//!
//! One connection a request: what is asked for is cached by those who ask. Redirects are not followed: they are answers as
//! any other, with their status. What arrives is limited in time and in size.

mod client;
mod connect;
mod encryption;
mod error;
#[cfg(test)]
mod tests;
mod url;

pub(crate) use client::{Authorization, HttpClient, Request, Response};
pub(crate) use encryption::Encryption;
pub(crate) use error::HttpError;
pub(crate) use hyper::{Method, StatusCode};
pub(crate) use url::Url;
#[cfg(feature = "oidc")]
pub(crate) use url::percent_encode;

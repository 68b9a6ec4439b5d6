use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::security::Secret;

fn client() -> HttpClient {
    HttpClient {
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        max_response_bytes: 1000,
        encryption: Encryption::default(),
    }
}

/// A server for one request: answers with these bytes, and returns what it was asked.
async fn answering(answer: impl Into<Vec<u8>>) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = answer.into();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        // The requests of these tests end with a blank line or with this mark.
        while !asked.ends_with(b"\r\n\r\n") && !asked.ends_with(b"END") {
            if stream.read_buf(&mut asked).await.unwrap() == 0 {
                break;
            }
        }
        stream.write_all(&answer).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    let url = format!("http://me:url-secret@127.0.0.1:{port}/base");
    (Url::parse(&url).unwrap(), server)
}

fn get(url: Url) -> Request {
    Request {
        method: Method::GET,
        url,
        authorization: None,
        accept: "application/json",
        body: None,
    }
}

#[tokio::test]
async fn a_request_has_its_parts_and_the_answer_its_status() {
    let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone";
    let (url, server) = answering(answer).await;
    let request = Request {
        method: Method::POST,
        authorization: Some(Authorization::Bearer(Secret::new("token"))),
        body: Some(("application/json", Bytes::from_static(b"\"END"))),
        ..get(url.below(&["a b"], "x=1"))
    };
    let response = client().send(request).await.unwrap();
    assert_eq!(response.status, StatusCode::NOT_FOUND);
    assert_eq!(response.body, "none");
    let asked = server.await.unwrap();
    assert!(asked.starts_with("POST /base/a%20b?x=1 HTTP/1.1\r\nhost: 127.0.0.1:"));
    assert!(asked.contains("\r\nauthorization: Bearer token\r\n"));
    assert!(asked.contains("\r\ncontent-type: application/json\r\n"));
}

#[tokio::test]
async fn the_credentials_of_the_address_are_sent_and_never_told() {
    let (url, server) = answering("this is no HTTP").await;
    let error = client().send(get(url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Broken { .. }) && error.is_retriable());
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("GET http://127.0.0.1:") && text.contains("/base"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
    // me:url-secret
    let basic = "\r\nauthorization: Basic bWU6dXJsLXNlY3JldA==\r\n";
    assert!(server.await.unwrap().contains(basic));
}

#[tokio::test]
async fn redirects_are_answers() {
    let answer =
        "HTTP/1.1 302 Found\r\nlocation: http://elsewhere.invalid/\r\ncontent-length: 0\r\n\r\n";
    let (url, _server) = answering(answer).await;
    let response = client().send(get(url)).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
}

#[tokio::test]
async fn answers_are_limited_in_size_with_and_without_a_length() {
    let long = "x".repeat(2000);
    for head in ["content-length: 2000", "connection: close"] {
        let (url, _server) = answering(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{long}")).await;
        let error = client().send(get(url)).await.unwrap_err();
        assert!(
            matches!(error, HttpError::TooLarge { limit: 1000, .. }),
            "{head}: {error}"
        );
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(100_000));
    let (url, _server) = answering(endless).await;
    let error = client().send(get(url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn answers_that_end_too_early_are_broken() {
    let (url, _server) = answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    let error = client().send(get(url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn answers_are_limited_in_time() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = HttpClient {
        timeout: Duration::from_millis(50),
        ..client()
    };
    let url = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let error = client.send(get(url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error}");
    assert!(error.to_string().ends_with("/: no answer within 50ms"));
}

#[tokio::test]
async fn servers_that_are_not_there_are_told() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let error = client().send(get(url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error}");
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn https_without_tls_names_the_feature() {
    let url = Url::parse("https://127.0.0.1:1").unwrap();
    let error = client().send(get(url)).await.unwrap_err();
    assert!(matches!(error, HttpError::NoTls { .. }), "{error}");
    assert!(!error.is_retriable());
    assert!(
        error.to_string().contains("cargo feature \"tls\""),
        "{error}"
    );
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn https_to_a_server_without_tls_is_told_and_not_tried_again() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let url = Url::parse(&url).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let roots = include_str!("../security/tls/testdata/ca.pem");
    let client = HttpClient {
        encryption: Encryption::new(crate::security::Tls::new().roots_pem(roots)),
        ..client()
    };
    let error = client.send(get(url)).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error}");
    assert!(!error.is_retriable());
    assert!(error.to_string().contains("http://"), "{error}");
}

//! A connection that speaks the protocol without a client, for what no client would say.

use bytes::BytesMut;
use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::frame::{correlation_id, decode_response, encode_request, take_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::kafka::WAIT;

/// One request after another, each answered before the next.
pub struct Wire {
    socket: TcpStream,
    received: BytesMut,
    last_id: i32,
}

impl Wire {
    /// Connects to `host:port`.
    pub async fn connect(address: &str) -> Self {
        let socket = timeout(WAIT, TcpStream::connect(address)).await;
        Self {
            socket: socket.expect("a connection in time").expect("a connection"),
            received: BytesMut::new(),
            last_id: 0,
        }
    }

    /// Asks, and waits for the answer.
    pub async fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.last_id += 1;
        let client = "script".into();
        let bytes = encode_request(request, version, self.last_id, Some(&client))
            .expect("a request")
            .into_bytes();
        let exchange = async {
            self.socket.write_all(&bytes).await.expect("a write");
            loop {
                if let Some(frame) = take_frame(&mut self.received, usize::MAX).expect("a frame") {
                    return frame;
                }
                let read = self.socket.read_buf(&mut self.received).await;
                assert_ne!(read.expect("a read"), 0, "{} {version}: closed", R::NAME);
            }
        };
        let frame = timeout(WAIT, exchange)
            .await
            .unwrap_or_else(|_| panic!("waited {WAIT:?} for an answer to {}", R::NAME));
        assert_eq!(correlation_id(&frame), Ok(self.last_id));
        decode_response::<R>(frame, version).expect("a response")
    }

    /// Asks again as long as the coordinator is not up yet: that says nothing of groups or transactions.
    pub async fn call_coordinator<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        error: impl Fn(&R::Response) -> i16,
    ) -> R::Response {
        loop {
            let answer = self.call(request, version).await;
            if !matches!(
                ErrorCode::from(error(&answer)),
                ErrorCode::NotCoordinator
                    | ErrorCode::CoordinatorNotAvailable
                    | ErrorCode::CoordinatorLoadInProgress
            ) {
                return answer;
            }
        }
    }
}

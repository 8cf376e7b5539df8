//! The messages of `grpc.health.v1`, and the frame that holds one (PROTOCOL-HTTP2 of gRPC, "Length-Prefixed-Message").

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message;

use crate::outcome::ServingStatus;

/// Where the question goes.
pub(super) const PATH: &str = "/grpc.health.v1.Health/Check";

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

#[derive(Clone, PartialEq, Eq, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// The question for a service's health.
pub(super) fn question(service: &str) -> Bytes {
    let message = HealthCheckRequest {
        service: service.to_owned(),
    }
    .encode_to_vec();
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    // A name that stands in a configuration is far below 4 GiB.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(&message);
    frame.freeze()
}

/// What a frame says of the service's health; what is wrong with it where it cannot be read.
pub(super) fn read(frame: &[u8]) -> Result<ServingStatus, String> {
    let Some((prefix, message)) = frame.split_first_chunk::<PREFIX>() else {
        return Err("no message, though the call went well".to_owned());
    };
    let [compressed, length @ ..] = *prefix;
    if compressed != 0 {
        return Err("a compressed message, which was not asked for".to_owned());
    }
    let length = u32::from_be_bytes(length);
    if usize::try_from(length) != Ok(message.len()) {
        return Err(format!(
            "a message of {} bytes that says it has {length}",
            message.len()
        ));
    }
    let response = HealthCheckResponse::decode(message).map_err(|error| error.to_string())?;
    match response.status {
        0 => Ok(ServingStatus::Unknown),
        1 => Ok(ServingStatus::Serving),
        2 => Ok(ServingStatus::NotServing),
        3 => Ok(ServingStatus::ServiceUnknown),
        other => Err(format!("the serving status {other}, which nobody knows")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_the_frame_of_its_message() {
        assert_eq!(question("").as_ref(), [0, 0, 0, 0, 0]);
        assert_eq!(question("ab").as_ref(), [0, 0, 0, 0, 4, 10, 2, b'a', b'b']);
    }

    #[test]
    fn an_answer_is_one_whole_message_or_none() {
        assert_eq!(read(&[0, 0, 0, 0, 0]), Ok(ServingStatus::Unknown));
        assert_eq!(read(&[0, 0, 0, 0, 2, 8, 1]), Ok(ServingStatus::Serving));
        assert_eq!(read(&[0, 0, 0, 0, 2, 8, 2]), Ok(ServingStatus::NotServing));
        assert_eq!(read(&[0, 0, 0, 0, 2, 8, 3]), Ok(ServingStatus::ServiceUnknown));
        for broken in [
            &[][..],
            &[0, 0, 0, 0],
            &[1, 0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 8],
            &[0, 0, 0, 0, 2, 8, 1, 0],
            &[0, 255, 255, 255, 255],
            &[0, 0, 0, 0, 2, 8, 0xff],
            &[0, 0, 0, 0, 2, 8, 9],
        ] {
            assert!(read(broken).is_err(), "{broken:?}");
        }
    }
}

//! SaslHandshake and SaslAuthenticate.

use bytes::Bytes;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::{Call, text};
use crate::codes;
use crate::sasl::{Answer, MECHANISMS};

pub(super) fn handshake(call: &Call<'_>, request: SaslHandshakeRequest) -> SaslHandshakeResponse {
    let chosen = call.conn.login.borrow_mut().choose(&request.mechanism);
    let code = call.error().or(chosen.err()).unwrap_or(codes::NONE);
    SaslHandshakeResponse::default().with_error_code(code).with_mechanisms(MECHANISMS.map(text).to_vec())
}

pub(super) fn authenticate(call: &Call<'_>, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse {
    let response = SaslAuthenticateResponse::default();
    if let Some(code) = call.error() {
        return response.with_error_code(code);
    }
    let users = call.broker().config.users.clone();
    match call.conn.login.borrow_mut().step(&request.auth_bytes, &users) {
        Answer::Go(bytes) => response.with_auth_bytes(Bytes::from(bytes)),
        Answer::Refused(code, message) => response.with_error_code(code).with_error_message(Some(text(&message))),
    }
}

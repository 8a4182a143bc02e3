//! SaslHandshake and SaslAuthenticate.

use bytes::Bytes;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::{Call, text};
use crate::LoginOutcome;
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
    let (users, told) = {
        let broker = call.broker();
        (broker.config.users.clone(), broker.config.on_login.clone())
    };
    let mut login = call.conn.login.borrow_mut();
    let user = login.name_in(&request.auth_bytes);
    let answer = login.step(&request.auth_bytes, &users);
    let refused = match &answer {
        Answer::Refused(_, message) => Some(message.clone()),
        Answer::Go(_) => None,
    };
    // Half of a conversation is neither.
    if let (Some(told), Some(user)) = (told, user)
        && (refused.is_some() || login.is_done())
    {
        told(&LoginOutcome { user, refused });
    }
    match answer {
        Answer::Go(bytes) => response.with_auth_bytes(Bytes::from(bytes)),
        Answer::Refused(code, message) => response.with_error_code(code).with_error_message(Some(text(&message))),
    }
}

//! Requests and addresses of `system.yaml`: what could not be asked is told before anything starts.

use eventproof_source::{Diagnostic, Diagnostics, Node, Source, nearest};

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"];
const EXAMPLE: &str = "such as POST {service.url}/path";

/// Reads `POST {service.url}/path`: the method and the address.
pub(super) fn read(node: &Node, source: &Source, faults: &mut Diagnostics) -> Option<(String, String)> {
    let text = node.scalar_text().unwrap_or_default();
    let Some((method, http)) = text.split_once(' ').map(|(method, http)| (method, http.trim())) else {
        let message = format!("`{text}` is no request: write a method and an address, {EXAMPLE}");
        faults.push(Diagnostic::error("system/request", message).at(source, node.span));
        return None;
    };
    let wrong = [wrong_method(method), wrong_address(http)];
    wrong.into_iter().flatten().for_each(|fault| faults.push(fault.at(source, node.span)));
    Some((method.to_owned(), http.to_owned()))
}

fn wrong_method(method: &str) -> Option<Diagnostic> {
    if METHODS.contains(&method) {
        return None;
    }
    let help = match nearest(method, METHODS) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are: {}", METHODS.join(", ")),
    };
    Some(Diagnostic::error("system/request", format!("HTTP has no method `{method}`")).help(help))
}

/// What does not say whom it is for; what a placeholder in front stands for is only known in the run.
pub(super) fn wrong_address(http: &str) -> Option<Diagnostic> {
    let says_host = ["http://", "https://", "{"].iter().any(|front| http.starts_with(front));
    let message = format!("`{http}` does not say which service is asked");
    let help = format!("write its address in front, {EXAMPLE}, or a whole one that begins with http://");
    (!says_host).then(|| Diagnostic::error("system/request", message).help(help))
}

/// A status that an answer can have.
pub(super) fn status(text: &str) -> Result<u16, String> {
    let status = text.parse().ok().filter(|status| (100..=599).contains(status));
    status.ok_or_else(|| format!("`{text}` is no status of HTTP: they are from 100 to 599"))
}

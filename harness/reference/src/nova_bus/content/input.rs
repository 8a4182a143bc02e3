//! What a caller may send, checked field by field, all faults at once.

use crate::shared::form::Form;
use crate::shared::http::ApiError;

/// Longest caption, in characters.
const LONGEST_CAPTION: usize = 5_000;
/// Longest user id, in characters.
const LONGEST_ID: usize = 128;
const MEDIA_TYPES: [&str; 3] = ["image", "video", "none"];
const STATUSES: [&str; 3] = ["published", "archived", "deleted"];

/// A post to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewPost {
    pub(super) user_id: String,
    pub(super) caption: String,
    pub(super) media_type: String,
    /// An upload without which the post is none.
    pub(super) media_id: Option<String>,
}

/// Reads `{user_id, caption, media_type?, media_id?}`.
pub(super) fn new_post(body: &[u8]) -> Result<NewPost, ApiError> {
    let mut form = Form::read(body)?;
    let post = NewPost {
        user_id: form.text("user_id", 1, LONGEST_ID),
        caption: form.text("caption", 0, LONGEST_CAPTION),
        media_type: form.choice("media_type", &MEDIA_TYPES, Some("none")),
        media_id: form.optional_text("media_id", LONGEST_ID),
    };
    form.finish(post)
}

/// Reads `{new_status}`.
pub(super) fn new_status(body: &[u8]) -> Result<String, ApiError> {
    let mut form = Form::read(body)?;
    let status = form.choice("new_status", &STATUSES, None);
    form.finish(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str) -> Vec<String> {
        match new_post(body.as_bytes()).unwrap_err() {
            ApiError::Invalid(faults) => faults.into_iter().map(|f| format!("{} {}", f.field, f.reason)).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn a_post_without_media_type_has_none() {
        let post = new_post(r#"{"user_id": "u", "caption": ""}"#.as_bytes()).unwrap();
        let none = (String::new(), "none".to_owned(), None);
        assert_eq!((post.user_id.as_str(), (post.caption, post.media_type, post.media_id)), ("u", none));
    }

    #[test]
    fn every_bad_field_is_named_with_its_reason() {
        assert_eq!(
            faults(r#"{"user_id": "  ", "caption": 7, "media_type": "gif"}"#),
            ["user_id must not be empty", "caption must be a string", "media_type must be one of image, video, none"]
        );
        assert_eq!(faults("{}"), ["user_id is required", "caption is required"]);
        let long = format!(r#"{{"user_id": "u", "caption": "{}"}}"#, "é".repeat(5_001));
        assert_eq!(faults(&long), ["caption has 5001 characters, at most 5000 are taken"]);
    }

    #[test]
    fn what_is_no_json_object_is_refused_as_such() {
        assert!(matches!(new_post(b"{").unwrap_err(), ApiError::NotJson(_)));
        assert!(matches!(new_post(b"[]").unwrap_err(), ApiError::NotJson(_)));
        assert!(matches!(new_status(br#"{"new_status": "gone"}"#).unwrap_err(), ApiError::Invalid(_)));
        assert_eq!(new_status(br#"{"new_status": "archived"}"#), Ok("archived".into()));
    }
}

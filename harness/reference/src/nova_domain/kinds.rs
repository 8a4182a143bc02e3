//! The 39 events as a table: who tells which, by which command, keyed by what, with which fields, and what it does to the writer's state.
//!
//! One line each: `command event | aggregate | key | actor | state | fields`. Under `@service` stand the events of that service, under `@*`
//! those that every service tells. State: `+kind:field` adds an entity, `~kind:field` needs one, `-kind:field` removes one; an id of two
//! fields is `a/b`. A field that ends in `?` may be missing for a reader; of choices and after `=` the first is the default.

use std::sync::LazyLock;

const TABLE: &str = "
@auth-service
register user.created | user_id | user_id | user_id | +user:user_id +username:username | user_id:new email:text username:text created_at:now source:web/mobile/api? locale:text?
change-profile user.updated | user_id | user_id | user_id | ~user:user_id | user_id:id changed_fields:texts old_values:object new_values:object updated_at:now
delete-account user.deleted | user_id | user_id | user_id | -user:user_id | user_id:id deleted_at:now reason:user_requested/admin/suspension cleanup_required:texts=posts,messages,followers
verify user.verified | user_id | user_id | user_id | ~user:user_id | user_id:id verified_at:now verification_method:email/phone/oauth
log-in user.login | user_id | user_id | user_id | ~user:user_id | user_id:id login_at:now ip_address:text user_agent:text device_id:new location:object
fail-to-log-in user.failed_login | user_id | user_id | user_id | | user_id:id? failed_at:now attempt_count:number ip_address:text reason:invalid_password/user_not_found/account_locked
change-password user.password_changed | user_id | user_id | user_id | ~user:user_id | user_id:id changed_at:now method:self_service/admin/password_reset
@user-service
follow user.followed | follower_id | follower_id | follower_id | +follow:follower_id/followee_id | follower_id:id followee_id:id followed_at:now
unfollow user.unfollowed | follower_id | follower_id | follower_id | -follow:follower_id/followee_id | follower_id:id followee_id:id unfollowed_at:now
block user.blocked | blocker_id | blocker_id | blocker_id | +block:blocker_id/blocked_id | blocker_id:id blocked_id:id blocked_at:now
unblock user.unblocked | blocker_id | blocker_id | blocker_id | -block:blocker_id/blocked_id | blocker_id:id blocked_id:id unblocked_at:now
@messaging-service
start-conversation conversation.created | conversation_id | conversation_id | created_by_id | +conversation:conversation_id | conversation_id:new type:direct/group member_ids:ids created_at:now created_by_id:id
add-member conversation.member_added | conversation_id | conversation_id | added_by_id | ~conversation:conversation_id +member:conversation_id/user_id | conversation_id:id user_id:id added_at:now added_by_id:id
send-message message.sent | message_id | conversation_id | sender_id | ~conversation:conversation_id +message:message_id | message_id:new conversation_id:id sender_id:id content:text encrypted:flag created_at:now
edit-message message.edited | message_id | conversation_id | | ~message:message_id | message_id:id conversation_id:id edited_at:now old_content:text new_content:text
delete-message message.deleted | message_id | conversation_id | deleted_by_id | -message:message_id | message_id:id conversation_id:id deleted_at:now deleted_by_id:id reason:user_deleted/recalled/moderated
read-message message.read | message_id | conversation_id | reader_id | ~message:message_id | message_id:id conversation_id:id reader_id:id read_at:now
@content-service
create-post post.created | post_id | post_id | author_id | +post:post_id | post_id:new author_id:id title:text content:text status:published/draft privacy:public/private/friends created_at:now tags:texts media_ids:ids
edit-post post.updated | post_id | post_id | author_id | ~post:post_id | post_id:id author_id:id changed_fields:texts old_values:object new_values:object updated_at:now
delete-post post.deleted | post_id | post_id | author_id | -post:post_id | post_id:id author_id:id deleted_at:now reason:user/admin/content_policy
like-post post.liked | post_id | post_id | user_id | ~post:post_id +like:post_id/user_id | post_id:id user_id:id liked_at:now
unlike-post post.unliked | post_id | post_id | user_id | -like:post_id/user_id | post_id:id user_id:id unliked_at:now
comment comment.created | comment_id | post_id | author_id | ~post:post_id +comment:comment_id | comment_id:new post_id:id author_id:id content:text created_at:now parent_comment_id:id?
delete-comment comment.deleted | comment_id | post_id | | -comment:comment_id | comment_id:id post_id:id deleted_at:now
share-post post.shared | post_id | post_id | shared_by_id | ~post:post_id | share_id:new post_id:id shared_by_id:id shared_at:now
@video-service
upload-video video.uploaded | video_id | video_id | owner_id | +video:video_id | video_id:new owner_id:id filename:text file_size:number duration:number uploaded_at:now
start-processing video.processing_started | video_id | video_id | owner_id | ~video:video_id | video_id:id owner_id:id started_at:now formats:texts=1080p,720p,480p
complete-processing video.processing_complete | video_id | video_id | owner_id | ~video:video_id | video_id:id owner_id:id completed_at:now variants:list
publish-video video.published | video_id | video_id | owner_id | ~video:video_id | video_id:id owner_id:id title:text published_at:now
view-video video.viewed | video_id | video_id | viewer_id | ~video:video_id | video_id:id viewer_id:id watch_duration:number completion_percentage:number viewed_at:now
@streaming-service
start-stream stream.started | stream_id | stream_id | creator_id | +stream:stream_id | stream_id:new creator_id:id title:text started_at:now category:text
end-stream stream.ended | stream_id | stream_id | creator_id | -stream:stream_id | stream_id:id creator_id:id ended_at:now total_viewers:number peak_concurrent:number duration:number
join-stream stream.viewer_joined | stream_id | stream_id | viewer_id | ~stream:stream_id | stream_id:id viewer_id:id joined_at:now
leave-stream stream.viewer_left | stream_id | stream_id | viewer_id | ~stream:stream_id | stream_id:id viewer_id:id left_at:now watch_duration:number
@media-service
upload-media media.uploaded | media_id | media_id | owner_id | +media:media_id | media_id:new owner_id:id filename:text media_type:text mime_type:text file_size:number uploaded_at:now
process-media media.processing_complete | media_id | media_id | | ~media:media_id | media_id:id completed_at:now variants:list
delete-media media.deleted | media_id | media_id | owner_id | -media:media_id | media_id:id owner_id:id deleted_at:now s3_key:text
@*
record-call service.call | caller_service | caller_service | | | caller_service:text called_service:text method:text status:success/error latency_ms:number timestamp:now
record-cache-hit cache.hit | service | service | | | service:text cache_key:text hit:flag ttl_remaining:number timestamp:now
";

/// A type of event, and the command that causes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kind {
    /// Who tells it; `*` for everybody.
    pub(super) service: &'static str,
    pub(super) command: &'static str,
    pub(super) event: &'static str,
    /// Fields of the data: what the event is about, its record's key, and who did it.
    pub(super) aggregate: &'static str,
    pub(super) key: &'static str,
    pub(super) actor: Option<&'static str>,
    pub(super) changes: Vec<Change>,
    pub(super) fields: Vec<Field>,
}

impl Kind {
    /// `user` of `user.created`.
    pub(super) fn aggregate_type(&self) -> &'static str {
        self.event.split('.').next().unwrap_or_default()
    }
}

/// What a command does to an entity: its kind, and the fields that make its id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) how: How,
    pub(super) kind: &'static str,
    pub(super) id: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Adds,
    Needs,
    Removes,
}

/// A field of an event's data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// A reader must find it.
    pub(super) needed: bool,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A UUID; a fresh one if the command gives none.
    New,
    Id,
    Text,
    Number,
    Flag,
    /// The moment of the command.
    Now,
    Choice(Vec<&'static str>),
    /// Texts, with those that stand where the command gives none.
    Texts(Vec<&'static str>),
    Ids,
    List,
    Object,
}

/// All of them.
pub(super) fn all() -> &'static [Kind] {
    static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| read(TABLE));
    &KINDS
}

/// The one of an event type.
pub(super) fn of_event(event: &str) -> Option<&'static Kind> {
    all().iter().find(|kind| kind.event == event)
}

/// The one that a service's command causes.
pub(super) fn of_command(service: &str, command: &str) -> Option<&'static Kind> {
    all().iter().find(|kind| kind.command == command && (kind.service == service || kind.service == "*"))
}

fn read(table: &'static str) -> Vec<Kind> {
    let mut service = "";
    let mut kinds = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix('@') {
            Some(name) => service = name,
            None => kinds.extend(kind(service, line)),
        }
    }
    kinds
}

fn kind(service: &'static str, line: &'static str) -> Option<Kind> {
    let mut columns = line.split('|').map(str::trim);
    let (command, event) = columns.next()?.split_once(' ')?;
    let (aggregate, key, actor) = (columns.next()?, columns.next()?, columns.next()?);
    let changes = columns.next()?.split_whitespace().map(change).collect::<Option<_>>()?;
    let fields = columns.next()?.split_whitespace().map(field).collect::<Option<_>>()?;
    let actor = Some(actor).filter(|actor| !actor.is_empty());
    Some(Kind { service, command, event, aggregate, key, actor, changes, fields })
}

fn change(text: &'static str) -> Option<Change> {
    let (how, rest) = text.split_at_checked(1)?;
    let how = match how {
        "+" => How::Adds,
        "~" => How::Needs,
        "-" => How::Removes,
        _ => return None,
    };
    let (kind, id) = rest.split_once(':')?;
    Some(Change { how, kind, id: id.split('/').collect() })
}

fn field(text: &'static str) -> Option<Field> {
    let (name, shape) = text.split_once(':')?;
    let (shape, needed) = shape.strip_suffix('?').map_or((shape, true), |shape| (shape, false));
    let (word, defaults) = shape.split_once('=').unwrap_or((shape, ""));
    let shape = match word {
        "new" => Shape::New,
        "id" => Shape::Id,
        "text" => Shape::Text,
        "number" => Shape::Number,
        "flag" => Shape::Flag,
        "now" => Shape::Now,
        "texts" => Shape::Texts(defaults.split(',').filter(|text| !text.is_empty()).collect()),
        "ids" => Shape::Ids,
        "list" => Shape::List,
        "object" => Shape::Object,
        choices => Shape::Choice(choices.split('/').collect()),
    };
    Some(Field { name, shape, needed })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_has_every_event_of_the_document() {
        let of = |service: &str| all().iter().filter(|kind| kind.service == service).count();
        let services = ["auth", "user", "messaging", "content", "video", "streaming", "media"]
            .map(|name| of(&format!("{name}-service")));
        assert_eq!((services, of("*"), all().len()), ([7, 4, 6, 8, 5, 4, 3], 2, 39));
        let events: BTreeSet<_> = all().iter().map(|kind| kind.event).collect();
        assert_eq!(events.len(), 39, "each of them once");
    }

    #[test]
    fn what_a_line_names_is_among_its_fields() {
        for kind in all() {
            let ids = kind.changes.iter().flat_map(|change| change.id.iter().copied());
            for name in ids.chain([kind.aggregate, kind.key]).chain(kind.actor) {
                assert!(kind.fields.iter().any(|field| field.name == name), "{}: {name}", kind.event);
            }
        }
    }

    #[test]
    fn messages_are_keyed_by_their_conversation_and_comments_by_their_post() {
        let key = |event| of_event(event).map(|kind| (kind.aggregate, kind.key));
        assert_eq!(key("message.sent"), Some(("message_id", "conversation_id")));
        assert_eq!(key("comment.deleted"), Some(("comment_id", "post_id")));
        assert_eq!(key("user.blocked"), Some(("blocker_id", "blocker_id")));
    }
}

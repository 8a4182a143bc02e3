//! What is said of every built-in sentence.

/// Which sentence it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SentenceId {
    SystemIsRunning,
    TopicsAsDeclared,
    SchemasAsDeclared,
    ActionIsDone,
    EventIsPublished,
    PublishedEverywhere,
    PublishedAgain,
    PublishedAgainOnceHandled,
    PublishedInNewEnvelope,
    PublishedInBackground,
    InvalidIsPublished,
    HostileKey,
    ActionsInARow,
    SizedIsPublished,
    EventFollows,
    OnTopicOnce,
    NoneCameBefore,
    NeverFollows,
    EventConforms,
    LagIsBelow,
    ProfilePasses,
    DerivedFollows,
    IsDeadLettered,
    DeadLetteredAfter,
    MetricIsShown,
    MetricGrows,
    AlertFires,
    AlertStaysSilent,
    ServiceLogs,
    TextIsNowhere,
    StubAnswers,
    StubDelays,
    StubBreaksOff,
    StubIsDown,
    StubIsUp,
    StoreIsDown,
    StoreIsLate,
    StoreBreaksOff,
    StoreIsUp,
    StubIsCalled,
    TriedAtStub,
    TriedOverTopics,
    TriedInLog,
    TimePasses,
    ViewShows,
    ViewNoLongerShows,
    ViewKeepsNotShowing,
    GroupHasProcessed,
    HandledExactlyOnce,
    NoneIsLost,
    OrderOnTopic,
    OrderOfEffects,
    ServiceIsKilled,
    ServiceIsKilledAfter,
    ServiceIsStarted,
    ServiceIsStopped,
    ServiceIsPaused,
    ServiceGoesOn,
    ServiceJoins,
    GroupRebalances,
    GroupIsRewound,
    BrokerDelays,
    BrokerAnswersWithError,
    BrokerDisconnects,
    BrokerIsSilent,
    BrokerLosesAcknowledgements,
    BrokerCorrupts,
    BrokerThrottles,
    BrokerCrashes,
    NodeCrashes,
    LeadersMove,
    BrokerIsStarted,
    BrokerClockAhead,
    BrokerClockBehind,
    BrokerIsHealthy,
    /// A sentence of a linked crate, by its name.
    Own(&'static str),
}

/// A sentence in one language.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// `en` or `zh-CN`.
    pub language: &'static str,
    /// A cucumber expression whose parameters are `{kind}` or `{name:kind}`.
    pub expression: &'static str,
}

/// A built-in sentence.
#[derive(Clone, Copy, Debug)]
pub struct Sentence {
    pub id: SentenceId,
    /// A stable name for searching and linking: `view-shows`.
    pub name: &'static str,
    pub meaning: &'static str,
    pub observes: &'static str,
    pub proves: &'static str,
    pub cannot_prove: &'static str,
    /// What its table holds, where it takes one.
    pub table: &'static str,
    pub example: &'static str,
    pub forms: &'static [Form],
}

//! The common part of both roles' transactions, without I/O.
//!
//! * After each input, take all outputs; then wait for one more input.
//! * Time does not go backwards.
//! * A stage's deadline starts with the stage. Once it has passed, it counts
//!   before the next input.
//! * At the end everything still going is stopped, then the outcome is told;
//!   nothing follows.
//!
//! A role defines its stages, and what happens in each, with [`StateMachine`].

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::{ApiMisuse, Error, ErrorKind, PeerMisbehaved, Stage, TunnelError};
use crate::transport::{ChannelError, HandshakeError};

/// A role's states. Each is consumed by the step to the next, or to the end.
pub(crate) trait StateMachine: Sized {
    type Input;
    type Output;
    type Deadlines;
    /// The resources to stop when the transaction ends.
    type Resources;

    /// The state after the end, which has no deadline and no step out of it.
    fn closed() -> Self;

    fn stage(&self) -> Stage;

    /// How long this stage may take, if that is limited.
    fn time_allowed(&self, deadlines: &Self::Deadlines) -> Option<Duration>;

    /// The resources that must be released if this input ends the transaction.
    fn resources(&self, input: &Self::Input) -> Self::Resources;

    /// Whether the input belongs to the state.
    fn accepts(&self, input: &Self::Input) -> Result<(), ApiMisuse>;

    /// Whether the input counts before a deadline that has passed.
    fn outranks_deadline(input: &Self::Input) -> bool;

    /// Takes an input that the state accepts.
    fn handle(self, input: Self::Input, outputs: &mut VecDeque<Self::Output>) -> Result<Self, End>;

    /// Drops what is over by `now`, before the input at that time.
    #[must_use]
    fn at(self, _now: Duration) -> Self {
        self
    }

    /// The stage's deadline has passed.
    fn expire(self, outputs: &mut VecDeque<Self::Output>) -> Result<Self, End>;

    /// Says what is to be stopped.
    fn stop(resources: Self::Resources, outputs: &mut VecDeque<Self::Output>);

    /// The last output, of a transaction that ended in this stage.
    fn outcome(stage: Stage, end: End) -> Self::Output;
}

/// How a transaction ends.
pub(crate) enum End {
    Done,
    ErrorKind(ErrorKind),
}

impl End {
    /// The tunnel to a peer that was there ended otherwise than in good order.
    /// Tunnel services close it when the other side has closed (1000) or was lost
    /// (1001).
    pub(crate) fn lost_tunnel(error: TunnelError) -> Self {
        match error {
            TunnelError::Closed(None | Some(1000 | 1001)) => ErrorKind::PeerDisconnected.into(),
            error => ErrorKind::from(error).into(),
        }
    }

    /// The outcome of a transaction that ended in this stage.
    pub(crate) fn at(self, stage: Stage) -> Result<(), Error> {
        match self {
            Self::Done => Ok(()),
            Self::ErrorKind(error) => Err(Error::new(stage, error)),
        }
    }
}

impl From<ErrorKind> for End {
    fn from(kind: ErrorKind) -> Self {
        Self::ErrorKind(kind)
    }
}

impl From<PeerMisbehaved> for End {
    fn from(error: PeerMisbehaved) -> Self {
        Self::ErrorKind(error.into())
    }
}

impl From<ChannelError> for End {
    fn from(error: ChannelError) -> Self {
        PeerMisbehaved::from(error).into()
    }
}

impl From<HandshakeError> for End {
    fn from(error: HandshakeError) -> Self {
        PeerMisbehaved::from(error).into()
    }
}

/// A transaction of either role. See the [module](self).
#[derive(Debug)]
pub(crate) struct Runner<S: StateMachine> {
    state: S,
    stage: Stage,
    outputs: VecDeque<S::Output>,
    deadlines: S::Deadlines,
    deadline: Option<Duration>,
    now: Duration,
}

impl<S: StateMachine> Runner<S> {
    pub(crate) fn new(
        state: S,
        deadlines: S::Deadlines,
        now: Duration,
        outputs: impl Into<VecDeque<S::Output>>,
    ) -> Self {
        let stage = state.stage();
        let deadline = state.time_allowed(&deadlines).map(|after| now.saturating_add(after));
        Self { state, stage, outputs: outputs.into(), deadlines, deadline, now }
    }

    pub(crate) const fn stage(&self) -> Stage {
        self.stage
    }

    pub(crate) const fn state(&self) -> &S {
        &self.state
    }

    pub(crate) const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    pub(crate) fn poll_output(&mut self) -> Option<S::Output> {
        self.outputs.pop_front()
    }

    /// Takes one input, or refuses it and is unchanged.
    pub(crate) fn handle(&mut self, now: Duration, input: S::Input) -> Result<(), ApiMisuse> {
        if !self.outputs.is_empty() {
            return Err(ApiMisuse::OutputsPending);
        }
        if now < self.now {
            return Err(ApiMisuse::TimeWentBackwards);
        }
        self.state.accepts(&input)?;
        self.now = now;
        let resources = self.state.resources(&input);
        let state = std::mem::replace(&mut self.state, S::closed()).at(now);
        let expired = self.deadline.is_some_and(|deadline| deadline <= now);
        let step = if expired && !S::outranks_deadline(&input) {
            state.expire(&mut self.outputs)
        } else {
            state.handle(input, &mut self.outputs)
        };
        match step {
            Ok(next) => self.enter(next),
            Err(end) => self.close(resources, end),
        }
        Ok(())
    }

    fn enter(&mut self, state: S) {
        let stage = state.stage();
        if stage != self.stage {
            let after = state.time_allowed(&self.deadlines);
            self.deadline = after.map(|after| self.now.saturating_add(after));
        }
        self.state = state;
        self.stage = stage;
    }

    fn close(&mut self, resources: S::Resources, end: End) {
        S::stop(resources, &mut self.outputs);
        self.outputs.push_back(S::outcome(self.stage, end));
        self.enter(S::closed());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::error::CancelledBy;

    const STEP: Duration = Duration::from_secs(1);
    const INSTANT: Duration = Duration::from_nanos(1);

    #[derive(Debug, Clone, Copy)]
    enum TestMachine {
        First,
        Second,
        Closed,
    }

    enum Input {
        Stay,
        Next,
        TunnelClosed,
        Unfit,
    }

    #[derive(Debug)]
    enum Output {
        Word,
        Stopped,
        Over(Result<(), Error>),
    }

    impl StateMachine for TestMachine {
        type Input = Input;
        type Output = Output;
        type Deadlines = Duration;
        type Resources = ();

        fn closed() -> Self {
            Self::Closed
        }

        fn stage(&self) -> Stage {
            match self {
                Self::First => Stage::ShowingQr,
                Self::Second => Stage::AwaitingResponse,
                Self::Closed => Stage::Closed,
            }
        }

        fn time_allowed(&self, deadlines: &Duration) -> Option<Duration> {
            (!matches!(self, Self::Closed)).then_some(*deadlines)
        }

        fn resources(&self, _: &Input) {}

        fn accepts(&self, input: &Input) -> Result<(), ApiMisuse> {
            if matches!(input, Input::Unfit) { Err(ApiMisuse::WrongStage) } else { Ok(()) }
        }

        fn outranks_deadline(input: &Input) -> bool {
            matches!(input, Input::TunnelClosed)
        }

        fn handle(self, input: Input, outputs: &mut VecDeque<Output>) -> Result<Self, End> {
            match (self, input) {
                (Self::Closed, _) => Ok(Self::Closed),
                (_, Input::Next) => {
                    outputs.push_back(Output::Word);
                    Ok(Self::Second)
                }
                (_, Input::TunnelClosed) => Err(ErrorKind::Cancelled(CancelledBy::Caller).into()),
                (state, Input::Stay | Input::Unfit) => Ok(state),
            }
        }

        fn expire(self, _: &mut VecDeque<Output>) -> Result<Self, End> {
            Err(ErrorKind::Deadline.into())
        }

        fn stop((): (), outputs: &mut VecDeque<Output>) {
            outputs.push_back(Output::Stopped);
        }

        fn outcome(stage: Stage, end: End) -> Output {
            Output::Over(end.at(stage))
        }
    }

    fn toy() -> Runner<TestMachine> {
        Runner::new(TestMachine::First, STEP, Duration::ZERO, [])
    }

    fn end_of(mut toy: Runner<TestMachine>) -> Error {
        assert!(matches!(toy.poll_output(), Some(Output::Stopped)));
        let Some(Output::Over(outcome)) = toy.poll_output() else { unreachable!() };
        assert!(toy.poll_output().is_none());
        assert_eq!((toy.stage(), toy.deadline()), (Stage::Closed, None));
        toy.handle(STEP * 9, Input::Next).unwrap();
        assert!(toy.poll_output().is_none());
        outcome.unwrap_err()
    }

    #[test]
    fn an_input_waits_until_the_outputs_are_taken() {
        let mut toy = toy();
        toy.handle(INSTANT, Input::Next).unwrap();
        assert_eq!(toy.handle(STEP * 9, Input::Stay), Err(ApiMisuse::OutputsPending));
        assert!(matches!(toy.poll_output(), Some(Output::Word)));
        assert_eq!(toy.handle(INSTANT, Input::Stay), Ok(()));
    }

    #[test]
    fn time_does_not_go_backwards_and_a_refused_input_does_not_move_it() {
        let mut toy = toy();
        assert_eq!(toy.handle(STEP * 9, Input::Unfit), Err(ApiMisuse::WrongStage));
        assert_eq!(toy.handle(INSTANT, Input::Stay), Ok(()));
        assert_eq!(toy.handle(Duration::ZERO, Input::Stay), Err(ApiMisuse::TimeWentBackwards));
        assert_eq!(toy.stage(), Stage::ShowingQr);
    }

    #[test]
    fn a_deadline_starts_with_its_stage_and_not_with_each_input() {
        let mut toy = toy();
        toy.handle(INSTANT, Input::Stay).unwrap();
        assert_eq!(toy.deadline(), Some(STEP));
        toy.handle(INSTANT, Input::Next).unwrap();
        assert_eq!(toy.deadline(), Some(INSTANT + STEP));
    }

    #[test]
    fn a_passed_deadline_counts_before_the_input() {
        let mut on_time = toy();
        on_time.handle(STEP - INSTANT, Input::Next).unwrap();
        assert_eq!(on_time.stage(), Stage::AwaitingResponse);
        let mut late = toy();
        late.handle(STEP, Input::Next).unwrap();
        let error = end_of(late);
        assert!(matches!((error.stage, error.kind), (Stage::ShowingQr, ErrorKind::Deadline)));
    }

    #[test]
    fn an_input_that_outranks_the_deadline_counts_before_it() {
        let mut toy = toy();
        toy.handle(STEP, Input::TunnelClosed).unwrap();
        assert!(matches!(end_of(toy).kind, ErrorKind::Cancelled(_)));
    }
}

//! Where an input leads. A state names the one that follows it and no other, so
//! that no two files import each other; [`State`](super::State) brings them
//! together.

use std::collections::VecDeque;

use crate::client::output::Output;
use crate::state_machine::End;

pub(super) type Outputs = VecDeque<Output>;

/// The next state after an input.
pub(super) enum Step<Same, Next> {
    /// The state goes on, perhaps changed.
    Stay(Same),
    /// The next state begins.
    Enter(Next),
}

/// The step of a state, or the end.
pub(super) type StepResult<Same, Next> = Result<Step<Same, Next>, End>;

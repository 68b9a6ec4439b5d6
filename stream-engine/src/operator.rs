use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use crate::EngineError;

/// An operator of a program and where the program calls it: `map at src/main.rs:12`.
///
/// Errors, listener events and logs name operators this way, so a failed batch leads to a line of the user's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    name: &'static str,
    location: &'static Location<'static>,
}

impl Operator {
    /// The operator `name`, called where the calling function was called from (see [`track_caller`]).
    ///
    /// [`track_caller`]: https://doc.rust-lang.org/reference/attributes/codegen.html#the-track_caller-attribute
    #[track_caller]
    pub fn here(name: &'static str) -> Self {
        Operator {
            name,
            location: Location::caller(),
        }
    }

    /// The operator's name, such as `reduce_by_key`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where the program calls it.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {}:{}",
            self.name,
            self.location.file(),
            self.location.line()
        )
    }
}

/// Runs user code on behalf of `operator`; a panic becomes an error that names it.
///
/// An [`EngineError`] thrown by [`throw`] inside comes back unchanged, so the operator that really failed is named.
pub(crate) fn guard<R>(operator: Operator, code: impl FnOnce() -> R) -> Result<R, EngineError> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        match payload.downcast::<EngineError>() {
            Ok(error) => *error,
            Err(payload) => EngineError::Panicked {
                operator,
                message: panic_message(payload.as_ref()),
            },
        }
    })
}

/// Carries an error through user code that cannot return one (an iterator) up to the enclosing [`guard`].
///
/// Ending the iterator instead would let the user's code finish its work on half of the data.
pub(crate) fn throw(error: EngineError) -> ! {
    std::panic::resume_unwind(Box::new(error))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(no message)".to_owned()
    }
}

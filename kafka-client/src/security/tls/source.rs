//! Where certificates and keys come from.

use std::fmt;
use std::path::PathBuf;

use super::pem;
use crate::error::{Error, Result};
use crate::security::Secret;

/// A file or a text, and the setting that has named it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) setting: &'static str,
    place: Place,
}

#[derive(Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    /// It may hold a key.
    Text(Secret),
}

impl Source {
    pub(super) fn file(setting: &'static str, path: impl Into<PathBuf>) -> Self {
        Self {
            setting,
            place: Place::File(path.into()),
        }
    }

    pub(super) fn text(setting: &'static str, text: impl Into<Secret>) -> Self {
        Self {
            setting,
            place: Place::Text(text.into()),
        }
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    /// What it holds now.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no such file, or it is no text.
    pub(super) fn read(&self) -> Result<Secret> {
        match &self.place {
            Place::Text(text) => Ok(text.clone()),
            Place::File(path) => {
                let bytes = std::fs::read(path).map_err(|error| self.refused(error.to_string()))?;
                let text = pem::text_of(bytes).map_err(|reason| self.refused(reason))?;
                Ok(Secret::new(text))
            }
        }
    }

    /// That it is of no use; a text is not repeated, for it may be secret.
    pub(super) fn refused(&self, reason: impl Into<String>) -> Error {
        Error::Config {
            key: self.setting.to_owned(),
            value: match &self.place {
                Place::File(path) => path.display().to_string(),
                Place::Text(_) => "[hidden]".to_owned(),
            },
            reason: reason.into(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(path) => write!(f, "{}={}", self.setting, path.display()),
            Place::Text(_) => write!(f, "{}=[hidden]", self.setting),
        }
    }
}

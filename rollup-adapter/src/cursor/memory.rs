//! A cursor that lives as long as the process: for tools, and for rollups that keep it with their own state.

use super::{Cursor, CursorError, CursorStore};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the cursor in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryCursor(Arc<Mutex<Option<Cursor>>>);

impl MemoryCursor {
    /// A store that starts with a cursor, which the rollup read from its own state.
    pub fn starting_at(cursor: Cursor) -> Self {
        Self(Arc::new(Mutex::new(Some(cursor))))
    }
}

impl CursorStore for MemoryCursor {
    fn load(&self) -> Result<Option<Cursor>, CursorError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn save(&self, cursor: &Cursor) -> Result<(), CursorError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cursor.clone());
        Ok(())
    }
}

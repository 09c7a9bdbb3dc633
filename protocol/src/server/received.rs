use crate::client::Received;

impl<E> Received<E> {
    /// Returns how many bytes of the input are done with, and the event, if there is one.
    pub fn into_parts(self) -> (usize, Option<E>) {
        match self {
            Self::Event { consumed, event } => (consumed, Some(event)),
            Self::Partial { consumed, .. } => (consumed, None),
        }
    }
}

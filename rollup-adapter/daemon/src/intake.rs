//! Takes batches from the sequencer into the inbox, as long as there is room.

use crate::error::AdapterError;
use crate::inbox::Inbox;
use fairlane_rollup_adapter::Subscription;

/// Takes batches until the subscription ends, which it does for good only.
///
/// # Errors
/// The chain contradicts the cursor, or the store fails.
pub(crate) async fn run(mut subscription: Subscription, inbox: Inbox, most: u64) -> Result<(), AdapterError> {
    let mut held = inbox.watch();
    while let Some(batch) = subscription.next().await {
        let batch = batch?;
        // What does not fit waits here, and then the sequencer does.
        if held.wait_for(|held| held.count < most).await.is_err() {
            return Ok(());
        }
        let cursor = subscription.cursor_of(&batch).expect("the batch was verified by a set that is known");
        let (inbox, taken) = (inbox.clone(), batch.batch().clone());
        let written = tokio::task::spawn_blocking(move || inbox.put(&taken, &cursor)).await;
        match written {
            Ok(written) => written?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down.
            Err(_) => return Ok(()),
        }
        subscription.ack(&batch).await?;
    }
    Ok(())
}

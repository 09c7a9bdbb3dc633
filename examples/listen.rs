//! Prints what is sent to a channel, and says when it may have missed something:
//!
//! ```sh
//! cargo run --example listen -- 'postgres://postgres@localhost/postgres' jobs
//! ```
//!
//! Then, in psql: `notify jobs, 'hello'`.

use std::error::Error;

use molt_db::{Config, Listener, ListenerEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(channel)) = (arguments.next(), arguments.next()) else {
        return Err("usage: listen URL CHANNEL".into());
    };
    let config: Config = url.parse()?;
    let mut listener = Listener::connect(&config).await?;
    listener.listen(&channel).await?;
    loop {
        match listener.recv().await? {
            ListenerEvent::Notification(notification) => {
                println!(
                    "{} from {}: {}",
                    notification.channel(),
                    notification.process(),
                    notification.payload()
                );
            }
            ListenerEvent::Resumed { cause, gap } => println!("away for up to {gap:?}: {cause}"),
            ListenerEvent::Lost(count) => println!("{count} were lost"),
            _ => {}
        }
    }
}

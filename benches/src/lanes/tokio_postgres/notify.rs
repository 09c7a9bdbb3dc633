use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use molt_db::Config;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, NoTls, Socket};

use super::target::Target;
use crate::failure::Failure;
use crate::lanes::login::bounded;
use crate::lanes::notify::{CHANNEL, send};
use crate::measure::Meter;
use crate::report::{Measured, Tally};

/// Hears so many notifications.
pub(crate) async fn run(config: &Config, count: u64) -> Result<Measured, Failure> {
    let Target { config: theirs, tls } = Target::new(config)?;
    match tls {
        None => hear(config, &theirs, NoTls, count).await,
        Some(tls) => hear(config, &theirs, tls, count).await,
    }
}

async fn hear<T>(
    config: &Config,
    theirs: &tokio_postgres::Config,
    tls: T,
    count: u64,
) -> Result<Measured, Failure>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, mut connection) = bounded(theirs.connect(tls)).await?;
    let mut poll = |cx: &mut Context<'_>| Pin::new(&mut connection).get_mut().poll_message(cx);
    let listen = format!("listen {CHANNEL}");
    let mut listening = pin!(client.batch_execute(&listen));
    poll_fn(|cx| {
        while let Poll::Ready(Some(Ok(_))) = poll(cx) {}
        listening.as_mut().poll(cx)
    })
    .await?;
    let meter = Meter::start()?;
    let sending = send(config, count).await?;
    let mut tally = Tally::default();
    while tally.rows < count {
        let message = poll_fn(&mut poll).await.ok_or("the connection has ended")??;
        if let AsyncMessage::Notification(notification) = message {
            tally.merge(Tally { rows: 1, nbytes: notification.payload().len() as u64 });
        }
    }
    let cost = meter.stop()?;
    sending.await??;
    Ok(Measured { tally, cost, hash: None, times: None })
}

//! The pools, each behind the same two closures.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use molt_db::{Config, Lane, Pool, Request};

use super::LANES;
use crate::failure::Failure;

type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;

/// A pool.
pub(super) struct Opened {
    /// Takes a connection, in a lane where the pool has any; dropping it gives it back.
    pub(super) acquire: Arc<dyn Fn(&'static str) -> Boxed<Box<dyn Any + Send>> + Send + Sync>,
    /// Counts its connections.
    pub(super) size: Box<dyn Fn() -> usize + Send>,
}

/// A kind of pool.
pub(super) struct Contender {
    pub(super) name: &'static str,
    /// Makes one that keeps so many connections at least, and has so many at most.
    pub(super) open: fn(&Config, usize, usize) -> Boxed<Opened>,
}

pub(super) const CONTENDERS: &[Contender] = &[
    Contender { name: "ours", open: ours },
    #[cfg(feature = "peers")]
    Contender { name: "deadpool", open: peers::deadpool },
    #[cfg(feature = "peers")]
    Contender { name: "bb8", open: peers::bb8 },
    #[cfg(feature = "peers")]
    Contender { name: "sqlx", open: peers::sqlx },
];

const PATIENCE: Duration = Duration::from_secs(120);

fn ours(config: &Config, min: usize, max: usize) -> Boxed<Opened> {
    let config = config.clone();
    Box::pin(async move {
        let builder = Pool::builder(config).min_conns(min.try_into()?).max_conns(max.try_into()?);
        let lanes = LANES.into_iter().map(|(name, ..)| Lane::new(name));
        let pool = lanes.fold(builder.max_wait(PATIENCE), |builder, lane| builder.lane(lane)).build()?;
        let size = pool.clone();
        Ok(Opened {
            acquire: Arc::new(move |lane| {
                let pool = pool.clone();
                Box::pin(async move {
                    let request = if lane.is_empty() { Request::new() } else { Request::new().lane(lane) };
                    Ok(Box::new(pool.acquire_with(request).await?) as Box<dyn Any + Send>)
                })
            }),
            size: Box::new(move || size.status().total),
        })
    })
}

#[cfg(feature = "peers")]
mod peers {
    use deadpool_postgres::RecyclingMethod;

    use super::*;
    use crate::lanes::peers::{deadpool_of, manager, sqlx_of};

    /// It keeps no minimum; the job warms it up.
    pub(super) fn deadpool(config: &Config, _: usize, max: usize) -> Boxed<Opened> {
        let pool = deadpool_of(config, RecyclingMethod::Fast, max);
        Box::pin(async move {
            let pool = pool?;
            let size = pool.clone();
            Ok(Opened {
                acquire: Arc::new(move |_| {
                    let pool = pool.clone();
                    Box::pin(async move { Ok(Box::new(pool.get().await?) as Box<dyn Any + Send>) })
                }),
                size: Box::new(move || size.status().size),
            })
        })
    }

    pub(super) fn bb8(config: &Config, min: usize, max: usize) -> Boxed<Opened> {
        let manager = manager(config);
        Box::pin(async move {
            let builder = bb8::Pool::builder().max_size(max.try_into()?).connection_timeout(PATIENCE);
            let builder = builder.min_idle(Some(min.try_into()?)).test_on_check_out(false);
            let pool = builder.build(manager?).await?;
            let size = pool.clone();
            Ok(Opened {
                acquire: Arc::new(move |_| {
                    let pool = pool.clone();
                    Box::pin(async move { Ok(Box::new(pool.get_owned().await?) as Box<dyn Any + Send>) })
                }),
                size: Box::new(move || size.state().connections.try_into().unwrap_or(usize::MAX)),
            })
        })
    }

    pub(super) fn sqlx(config: &Config, min: usize, max: usize) -> Boxed<Opened> {
        let pool = sqlx_of(config, min, max, PATIENCE);
        Box::pin(async move {
            let pool = pool?;
            let size = pool.clone();
            Ok(Opened {
                acquire: Arc::new(move |_| {
                    let pool = pool.clone();
                    Box::pin(async move { Ok(Box::new(pool.acquire().await?) as Box<dyn Any + Send>) })
                }),
                size: Box::new(move || size.size().try_into().unwrap_or(usize::MAX)),
            })
        })
    }
}

//! Runs what is left to do: microtasks, then rejections without a handler, then the next timer; and finds after
//! each turn whether a limit was passed.

use rquickjs::{CatchResultExt, CaughtError, Ctx, Function, Object, Result as Js, Value};

use crate::facts::Failure;
use crate::realm::{Realm, engine};

/// How many timers may fire at one instant: a chain of zero timers never moves the clock.
const MAX_TIMERS_AT_ONCE: u32 = 20_000;
/// How many timers of script fire while one event is drained, before whatever still ticks is left alone.
const MAX_TIMERS: u32 = 20_000;
/// How many tasks of any kind one event may take: the answers of as many requests as there may be, and what
/// databases do for each of them.
const MAX_TASKS: u32 = 500_000;

impl Realm {
    /// One turn of our own code in the engine; script that it calls has `turn_ms`.
    pub(super) fn turn<T>(
        &self,
        act: impl for<'js> FnOnce(&Ctx<'js>, Object<'js>) -> Js<T>,
    ) -> Result<T, Failure> {
        if let Some(failure) = self.state.failure() {
            return Err(failure);
        }
        self.state.restart_turn();
        let done = self.engine().context.with(|ctx| {
            let done = self
                .engine()
                .internals
                .clone()
                .restore(&ctx)
                .and_then(|internals| act(&ctx, internals));
            done.catch(&ctx).map_err(|error| self.caught(&error))
        });
        match (self.state.failure(), done) {
            (Some(failure), _) => Err(failure),
            (None, done) => done,
        }
    }

    /// Runs until nothing is left to do, or the clock has run as far ahead as it may.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let end_ms = self.state.clock.elapsed_ms() + self.state.limits.drain_ms as f64;
        let (mut at_once, mut fired) = (0, 0);
        for _ in 0..MAX_TASKS {
            self.microtasks()?;
            let before_ms = self.state.clock.elapsed_ms();
            let Some(timer) = self.state.clock.next(end_ms) else {
                return Ok(());
            };
            if self.state.clock.elapsed_ms() > before_ms {
                at_once = 0;
            }
            let is_script: bool = self.turn(|_, internals| {
                let fire: Function = internals.get("fireTimer")?;
                fire.call((timer,))
            })?;
            // Answers of the network and of databases come as tasks too: many of them at once are many requests.
            if is_script {
                at_once += 1;
                fired += 1;
            }
            if at_once >= MAX_TIMERS_AT_ONCE {
                self.state.pass_limit(format!(
                    "{MAX_TIMERS_AT_ONCE} timers without any time between them"
                ));
            }
            if fired >= MAX_TIMERS {
                return self.microtasks();
            }
        }
        self.state
            .pass_limit(format!("{MAX_TASKS} tasks of one event"));
        self.microtasks()
    }

    /// Runs the microtasks and reports the rejections that have no handler by then.
    pub(super) fn microtasks(&self) -> Result<(), Failure> {
        loop {
            self.state.restart_turn();
            loop {
                match self.engine().runtime.execute_pending_job() {
                    Ok(true) => {}
                    Ok(false) => break,
                    // A job's own exception rejects its promise; what arrives here is an interruption or a
                    // lack of memory.
                    Err(_) => {
                        if self.state.failure().is_none() {
                            self.state.pass_memory();
                        }
                    }
                }
                if let Some(failure) = self.state.failure() {
                    return Err(failure);
                }
            }
            let rejections = self.state.take_rejections();
            if rejections.is_empty() {
                return Ok(());
            }
            self.turn(|ctx, internals| {
                let report: Function = internals.get("reportRejection")?;
                for rejection in rejections {
                    report.call::<_, ()>((
                        rejection.promise.restore(ctx)?,
                        rejection.reason.restore(ctx)?,
                    ))?;
                }
                Ok(())
            })?;
        }
    }

    /// What an exception that left our own code means.
    pub(super) fn caught(&self, error: &CaughtError<'_>) -> Failure {
        let is_out_of_memory = match error {
            CaughtError::Exception(exception) => {
                exception.message().as_deref() == Some("out of memory")
            }
            CaughtError::Value(value) => value.is_null(),
            CaughtError::Error(_) => false,
        };
        if is_out_of_memory {
            self.state.pass_memory();
        }
        self.state.failure().unwrap_or_else(|| engine(error))
    }

    /// Whether a value is what the engine throws when it has no memory left.
    pub(super) fn is_out_of_memory(value: &Value<'_>) -> bool {
        value.is_null()
            || value
                .as_exception()
                .is_some_and(|exception| exception.message().as_deref() == Some("out of memory"))
    }
}

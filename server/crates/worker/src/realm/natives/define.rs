//! One native function of the object that our globals ask.

use rquickjs::{Ctx, Function, Object, Result};

/// Defines a function under `name`.
pub(super) fn define<'js, P, F>(
    host: &Object<'js>,
    ctx: &Ctx<'js>,
    name: &str,
    function: F,
) -> Result<()>
where
    F: rquickjs::function::IntoJsFunc<'js, P> + 'js,
{
    host.set(name, Function::new(ctx.clone(), function)?)
}

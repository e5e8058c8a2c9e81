//! A module's imports, as the engine asks for them.

use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Exception, Module, Result as Js};
use url::Url;

use crate::realm::scripts::{Purpose, declare, obtain};
use crate::realm::state::State;

/// A module's imports: those that stand in the source are fetched while it is linked; `import()` is rejected, as
/// HTML's "import a module script dynamically" demands of a service worker.
pub(super) struct Modules(pub(super) Rc<State>);

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Js<String> {
        if attributes.is_some() {
            return Err(Exception::throw_type(
                ctx,
                "Import attributes cannot be evaluated here.",
            ));
        }
        if !self.0.is_linking() {
            return Err(Exception::throw_type(
                ctx,
                "import() is disallowed on ServiceWorkerGlobalScope by the HTML specification.",
            ));
        }
        let is_relative = ["/", "./", "../"]
            .iter()
            .any(|start| name.starts_with(start));
        let resolved = match Url::parse(name) {
            Ok(url) => Some(url),
            Err(_) if is_relative => Url::parse(base).and_then(|base| base.join(name)).ok(),
            Err(_) => None,
        };
        resolved.map(String::from).ok_or_else(|| {
            Exception::throw_type(
                ctx,
                &format!("Failed to resolve module specifier \"{name}\"."),
            )
        })
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Js<Module<'js, Declared>> {
        match obtain(&self.0, name, Purpose::Module) {
            Ok(source) => declare(ctx, name, &source),
            Err(refused) => {
                let why = refused.why.clone();
                self.0.fail(refused.into());
                Err(Exception::throw_type(ctx, &why))
            }
        }
    }
}

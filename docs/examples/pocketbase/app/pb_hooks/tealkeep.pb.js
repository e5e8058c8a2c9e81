// Each answer says which release it is of, and browsers ask for pages again each time.
routerUse((e) => {
    e.response.header().set("Tealkeep-Release", $os.getenv("TEALKEEP_RELEASE"));
    e.response.header().set("Cache-Control", "no-cache");
    return e.next();
});

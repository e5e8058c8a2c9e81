migrate(
    (app) => {
        const bought = new Collection({
            type: "base",
            name: "bought",
            listRule: "",
            createRule: "",
            fields: [{ type: "text", name: "what", required: true, max: 200 }],
        });
        app.save(bought);
    },
    (app) => app.delete(app.findCollectionByNameOrId("bought")),
);

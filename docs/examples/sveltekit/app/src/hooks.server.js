// Migrations belong here, before the export: what this module awaits is done before the server answers its first request,
// and so before /healthz says 200. With Drizzle: migrate(db, { migrationsFolder: 'drizzle' }).

export async function handle({ event, resolve }) {
	const response = await resolve(event);
	// Browsers ask for pages again each time; the files below /_app/immutable/ have names that change with their content.
	if (!event.url.pathname.startsWith('/_app/immutable/')) {
		response.headers.set('cache-control', 'no-cache');
	}
	return response;
}

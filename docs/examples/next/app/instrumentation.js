// Runs once, before the server answers its first request: migrations of the database in DATABASE_PATH belong here.
export async function register() {}

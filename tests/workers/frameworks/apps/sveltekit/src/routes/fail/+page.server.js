export function load() {
	throw new Error('It fails each time.');
}

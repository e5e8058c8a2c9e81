import { env } from '$env/dynamic/private';

export function GET() {
	return new Response('ok', {
		headers: { 'cache-control': 'no-store', 'tealkeep-release': env.TEALKEEP_RELEASE ?? '' }
	});
}

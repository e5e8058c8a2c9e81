export const dynamic = 'force-dynamic';

export function GET() {
  return new Response('ok', { headers: { 'tealkeep-release': process.env.TEALKEEP_RELEASE ?? '' } });
}

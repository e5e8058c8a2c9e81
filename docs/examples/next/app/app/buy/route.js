import { bought } from '../bought';

export async function POST(request) {
  const form = await request.formData();
  bought().push(String(form.get('what') ?? ''));
  // A path alone: what name people ask by only the proxy knows.
  return new Response(null, { status: 303, headers: { location: '/' } });
}

export function load({ setHeaders }) {
	setHeaders({ 'cache-control': 'max-age=0, must-revalidate, s-maxage=600' });
}

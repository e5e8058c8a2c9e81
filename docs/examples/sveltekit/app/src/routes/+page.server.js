export const actions = {
	default: async ({ request }) => {
		const form = await request.formData();
		return { bought: String(form.get('what') ?? '') };
	}
};

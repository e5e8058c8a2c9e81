from django.utils.cache import patch_cache_control


def ask_again(get_response):
    """Browsers ask for every page again each time, so that a deploy reaches them."""

    def middleware(request):
        response = get_response(request)
        patch_cache_control(response, no_cache=True, max_age=0)
        return response

    return middleware

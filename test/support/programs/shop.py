"""A Django site in one file, for gunicorn: `shop:application`. Its catalogue is in memory, so that a preloading master shares it."""
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.admin", "django.contrib.messages"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
django.setup()

CATALOGUE = [{"number": number, "name": "article %d" % number, "price": number * 1.25, "tags": ["new", str(number)]} for number in range(20000)]
PAGE = engines["django"].from_string("<ul>{% for article in articles %}<li>{{ article.name }}: {{ article.price }}</li>{% endfor %}</ul>")


def page(request, first):
    return HttpResponse(PAGE.render({"articles": CATALOGUE[first : first + 100]}, request))


def article(request, number):
    return JsonResponse(CATALOGUE[number])


urlpatterns = [path("page/<int:first>", page), path("article/<int:number>", article)]
application = get_wsgi_application()

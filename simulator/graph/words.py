"""The words of which generated objects are made. Some names are not ASCII, as in any real directory."""

_GIVEN = """
Adele Alex Amina Ana Anders Ben Björn Carla Chidi Chloé Daniela David Diego Ebru Elif Emily Enrico Fatima Felix Grady
Hana Henrietta Ines Isaiah Jakub Joni José Jürgen Kenji Lara Lidia Łukasz Lynne Mallory Marta Megan Miriam Mohammed
Nestor Nguyệt Olga Patti Pradeep Priya Raúl Rosa Saoirse Sofía Søren Tamar Theo Ugo Veronika Wei Xiulan Yara Yusuf Zoë
"""
GIVEN = tuple(_GIVEN.split())
_SURNAMES = """
Adebayo Almeida Andersson Baker Bauer Bianchi Bowen Cartwright Chen Costa Dąbrowski Dubois Eriksen Fernández Fischer
García Gruber Haddad Hansen Ito Jensen Johansson Kaya Keller Khan Kim Kovács Kumar Langer Larsen Lopez Mbeki Meyer
Moreau Müller Murphy Nakamura Navarro Novák Nowak O'Brien Okafor Olsen Öztürk Patel Pereira Petrov Rahman Ramos Ricci
Rossi Sato Schmidt Silva Singh Smith Suzuki Takahashi Tanaka Vance Wagner Wang Weber Wilber Wójcik Yamamoto Yilmaz
Zhang Zimmermann
"""
SURNAMES = tuple(_SURNAMES.split())
DEPARTMENTS = (
    "Finance",
    "Human Resources",
    "Legal",
    "Marketing",
    "Operations",
    "Procurement",
    "Product",
    "Research & Development",
    "Retail",
    "Sales",
    "Security",
    "Support",
)
TITLES = (
    "Analyst",
    "Architect",
    "Assistant",
    "Consultant",
    "Controller",
    "Coordinator",
    "Designer",
    "Engineer",
    "Manager",
    "Officer",
    "Specialist",
    "Technician",
)
PLACES = (
    ("Berlin", "Berlin", "Germany", "DE", "10117", "Friedrichstraße", "de-DE", "+49 30 555"),
    ("München", "Bayern", "Germany", "DE", "80331", "Sendlinger Straße", "de-DE", "+49 89 555"),
    ("Paris", "Île-de-France", "France", "FR", "75009", "Rue de Châteaudun", "fr-FR", "+33 1 55 55"),
    ("Kraków", "Małopolskie", "Poland", "PL", "31-042", "ulica Długa", "pl-PL", "+48 12 555"),
    ("Seattle", "WA", "United States", "US", "98101", "Pine Street", "en-US", "+1 206 555"),
    ("Austin", "TX", "United States", "US", "78701", "Congress Avenue", "en-US", "+1 512 555"),
    ("São Paulo", "SP", "Brazil", "BR", "01310-100", "Avenida Paulista", "pt-BR", "+55 11 5555"),
    ("Osaka", "Osaka", "Japan", "JP", "530-0001", "Umeda", "ja-JP", "+81 6 5555"),
)
LICENCES = (
    "05e9a617-0261-4cee-bb44-138d3ef5d965",
    "c7df2760-2c81-4ef7-b578-5b5392b571df",
    "078d2b04-f1bd-4111-bbd4-b4b1b354cef4",
)
PLANS = ("113feb6c-3fe4-4440-bddc-54d774bf0318", "8e0c0a52-6a6c-4d40-8370-dd62790dcd70")
"""Service plans that are disabled in some licences."""
PRODUCTS = (
    "Archive",
    "Billing",
    "Calendar",
    "Catalog",
    "Directory",
    "Expenses",
    "Fleet",
    "Helpdesk",
    "Intranet",
    "Payroll",
)
SCOPES = (
    "User.Read",
    "User.Read openid profile offline_access",
    " User.Read Group.Read.All",
    "Calendars.Read Mail.Read",
    "Directory.Read.All User.Read.All",
    "openid profile email",
)
"""Scopes of grants. Graph keeps the leading space that some portals insert."""

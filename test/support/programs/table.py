"""Loads, groups and joins tables with pandas, then waits."""
import pandas

numbers = range(100000)
orders = pandas.DataFrame(
    {
        "customer": ["customer-%d" % (number % 5000) for number in numbers],
        "amount": [number * 0.37 for number in numbers],
        "day": pandas.date_range("2020-01-01", periods=len(numbers), freq="min"),
        "kind": pandas.Categorical(["online" if number % 3 else "shop" for number in numbers]),
    }
)
customers = pandas.DataFrame({"customer": ["customer-%d" % number for number in range(5000)], "city": ["Bern", "Łódź"] * 2500})
joined = orders.merge(customers, on="customer")
by_city = joined.groupby(["city", "kind"])["amount"].describe()
daily = orders.set_index("day")["amount"].resample("D").sum()
text = orders.head(20000).to_csv()
print("ready", len(joined), len(by_city), len(daily), len(text), flush=True)
input()

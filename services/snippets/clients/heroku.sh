heroku drains:add 'https://any:pol_YOUR_KEY@pulseops.example/drains/heroku' --app shop

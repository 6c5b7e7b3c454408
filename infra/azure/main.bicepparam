// The smallest deployment: one company, everything else as it comes. azd fills in the environment.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'test')
param dynamicsUrl = readEnvironmentVariable('DYNAMICS_URL', 'https://contoso-test.operations.dynamics.com')
param companies = {
  usrt: { currencies: ['USD'] }
}

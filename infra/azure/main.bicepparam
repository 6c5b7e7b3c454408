// The smallest deployment: one company on Finance & Operations, everything else as it comes. azd fills
// in the environment.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'test')
param financeOperations = {
  url: readEnvironmentVariable('DYNAMICS_URL', 'https://contoso-test.operations.dynamics.com')
}
param companies = {
  usrt: { currencies: ['USD'], stock: 'finance-operations', customers: ['finance-operations'], loyalty: 'finance-operations' }
}

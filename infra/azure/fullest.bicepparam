// Every parameter at work: a chain in three countries with its own Dynamics tenant.
using 'main.bicep'

param environmentName = 'chain-live'
param location = 'westeurope'
param dynamicsUrl = 'https://contoso.operations.dynamics.com'
param dynamicsTenantId = '00000000-0000-0000-0000-000000000000'
param companies = {
  usrt: { currencies: ['USD'] }
  gbrt: { currencies: ['GBP', 'EUR'] }
  aert: { currencies: ['AED'] }
}
param serviceBusSku = 'Premium'
param postgres = { skuName: 'Standard_D2ds_v5', skuTier: 'GeneralPurpose', storageGiB: 128 }
param maximumInstanceCount = 100
param telemetryRetentionDays = 365
param tags = { owner: 'retail-integration' }

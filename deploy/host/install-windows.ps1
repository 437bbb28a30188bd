# Starts the detector at every login of this user, and again if it ends. No administrator is needed.
#   powershell -ExecutionPolicy Bypass -File install-windows.ps1 -Program C:\Stinercut\stinercut-detector.exe
# Undo: Unregister-ScheduledTask -TaskName "Stinercut detector"
param(
    [Parameter(Mandatory = $true)]
    [string]$Program
)
$ErrorActionPreference = "Stop"
$Program = (Resolve-Path $Program).Path

$action = New-ScheduledTaskAction -Execute $Program -Argument "run" -WorkingDirectory (Split-Path $Program)
$trigger = New-ScheduledTaskTrigger -AtLogOn -User "$env:USERDOMAIN\$env:USERNAME"
$settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable `
    -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) `
    -MultipleInstances IgnoreNew

Register-ScheduledTask -TaskName "Stinercut detector" -Description "Copies footage off cards for the hub" `
    -Action $action -Trigger $trigger -Settings $settings -Force | Out-Null
Start-ScheduledTask -TaskName "Stinercut detector"
Write-Host "The detector runs, now and after every login."
